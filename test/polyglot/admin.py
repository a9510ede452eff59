"""Makes the calls of AdminService that a program of an admin makes, over one budget, and says what it was told."""

import grpc
from execution.v1 import admin_pb2_grpc, budgets_pb2
from google.protobuf import json_format


def administer(work, failure_of):
    """Reads {"target", "key", "budget"}: a budget is made, read, listed, watched, changed in vain, changed, and taken away."""
    metadata = [("authorization", f"Bearer {work['key']}")]

    def told(message):
        return json_format.MessageToDict(message)

    def refused(method, request):
        try:
            method(request, metadata=metadata)
        except grpc.RpcError as error:
            return failure_of(error)
        return None

    with grpc.insecure_channel(work["target"], options=[("grpc.enable_retries", 0)]) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        wanted = json_format.ParseDict(work["budget"], budgets_pb2.Budget())
        created = stub.CreateBudget(budgets_pb2.CreateBudgetRequest(budget=wanted), metadata=metadata).budget
        read = stub.GetBudget(budgets_pb2.GetBudgetRequest(budget_id=created.budget_id), metadata=metadata).budget
        listed = stub.ListBudgets(budgets_pb2.ListBudgetsRequest(), metadata=metadata).budgets
        watch = stub.WatchBudgets(budgets_pb2.WatchBudgetsRequest(), metadata=metadata, timeout=60)
        watched = next(watch)
        watch.cancel()
        change = budgets_pb2.Budget(budget_id=created.budget_id, version=created.version, amount=created.amount * 2)
        updated = stub.UpdateBudget(budgets_pb2.UpdateBudgetRequest(budget=change), metadata=metadata).budget
        stale = refused(stub.UpdateBudget, budgets_pb2.UpdateBudgetRequest(budget=change))
        deletion = budgets_pb2.DeleteBudgetRequest(budget_id=updated.budget_id, version=updated.version)
        stub.DeleteBudget(deletion, metadata=metadata)
        gone = refused(stub.GetBudget, budgets_pb2.GetBudgetRequest(budget_id=created.budget_id))
    return {
        "created": told(created),
        "read": told(read),
        "listed": [told(budget) for budget in listed],
        "watched": told(watched),
        "updated": told(updated),
        "stale": stale,
        "gone": gone,
    }
