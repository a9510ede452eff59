import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { access, Role } from "../gen/execution/v1/options_pb.js";

/** What the contract says of an RPC. */
export interface Access {
  /** The principal holds at least one of them. */
  readonly roles: readonly Role[];
  /** True if a call can cause a provider to bill. */
  readonly spends: boolean;
}

/** The access label of an RPC. Throws if it has none, or one that does not say whether the RPC spends or is free. */
export function accessOf(method: DescMethod): Access {
  const { roles, spends, free } = getOption(method, access);
  if (roles.length === 0 || roles.includes(Role.UNSPECIFIED)) throw new Error(`${method.name} has no access label`);
  if (spends === free) throw new Error(`the access label of ${method.name} does not say whether it spends or is free`);
  return { roles, spends };
}
