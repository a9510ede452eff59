// Calls a gateway with grpc-go and generated stubs, as a Go program would, and says what it was told. It reads and prints what client.py does,
// but for reflection.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"time"

	executionv1 "example.com/polyglot/gen/execution/v1"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const service = "execution.v1.ExecutionService"

type callCase struct {
	Name           string          `json:"name"`
	Key            *string         `json:"key"`
	TimeoutSeconds float64         `json:"timeoutSeconds"`
	Request        json.RawMessage `json:"request"`
	RPC            string          `json:"rpc"`
	Raw            *string         `json:"raw"`
}

type work struct {
	Target   string     `json:"target"`
	Cases    []callCase `json:"cases"`
	Repeated struct {
		Case  callCase `json:"case"`
		Times int      `json:"times"`
	} `json:"repeated"`
	Cancel callCase  `json:"cancel"`
	Admin  adminWork `json:"admin"`
}

type failure struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`
	Bytes   int               `json:"bytes"`
}

type outcome struct {
	Events  []json.RawMessage `json:"events"`
	Failure *failure          `json:"failure"`
}

// receiver is a stream of responses.
type receiver interface {
	Recv() (*executionv1.ChatResponse, error)
}

// rawCodec sends bytes as they are, so that a message can be bad.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, value any) error {
	return proto.Unmarshal(data, value.(proto.Message))
}

type rawStream struct{ grpc.ClientStream }

func (stream rawStream) Recv() (*executionv1.ChatResponse, error) {
	response := &executionv1.ChatResponse{}
	return response, stream.RecvMsg(response)
}

func open(ctx context.Context, connection *grpc.ClientConn, each callCase) (receiver, error) {
	if each.Key != nil {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+*each.Key)
	}
	if each.Raw == nil {
		request := &executionv1.ChatRequest{}
		if err := protojson.Unmarshal(each.Request, request); err != nil {
			log.Fatalf("%s: %v", each.Name, err)
		}
		return executionv1.NewExecutionServiceClient(connection).Chat(ctx, request)
	}
	description := &grpc.StreamDesc{ServerStreams: true}
	stream, err := connection.NewStream(ctx, description, "/"+service+"/"+each.RPC, grpc.ForceCodec(rawCodec{}))
	if err != nil {
		return nil, err
	}
	message, err := base64.StdEncoding.DecodeString(*each.Raw)
	if err != nil {
		log.Fatal(err)
	}
	if err := stream.SendMsg(&message); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return rawStream{stream}, stream.CloseSend()
}

func call(connection *grpc.ClientConn, each callCase) outcome {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if each.TimeoutSeconds > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(each.TimeoutSeconds*float64(time.Second)))
		defer cancel()
	}
	result := outcome{Events: []json.RawMessage{}}
	stream, err := open(ctx, connection, each)
	for err == nil {
		var event *executionv1.ChatResponse
		if event, err = stream.Recv(); err == nil {
			result.Events = append(result.Events, toJSON(event))
		}
	}
	if !errors.Is(err, io.EOF) {
		result.Failure = failureOf(err)
	}
	return result
}

// patientCall tries a call with a deadline again where this program's own clock was first, on a machine that stood still for as long as the margin.
func patientCall(connection *grpc.ClientConn, each callCase) outcome {
	result := call(connection, each)
	for tries := 1; tries < 5 && each.TimeoutSeconds > 0; tries++ {
		if result.Failure == nil || len(result.Failure.Details) > 0 {
			break
		}
		result = call(connection, each)
	}
	return result
}

func failureOf(err error) *failure {
	told := status.Convert(err)
	details := []json.RawMessage{}
	for _, detail := range told.Proto().GetDetails() {
		details = append(details, toJSON(detail))
	}
	return &failure{Code: int(told.Code()), Message: told.Message(), Details: details, Bytes: proto.Size(told.Proto())}
}

// cancelled leaves after the first text; what the gateway does then is seen by its provider.
func cancelled(connection *grpc.ClientConn, each callCase) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := open(ctx, connection, each)
	for err == nil {
		var event *executionv1.ChatResponse
		if event, err = stream.Recv(); err == nil && event.GetTextDelta() != nil {
			cancel()
		}
	}
	if status.Code(err) == codes.Canceled {
		return "CANCELLED"
	}
	return status.Code(err).String()
}

func toJSON(message proto.Message) json.RawMessage {
	text, err := protojson.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func main() {
	var todo work
	if err := json.NewDecoder(os.Stdin).Decode(&todo); err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(todo.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	outcomes := map[string]outcome{}
	for _, each := range todo.Cases {
		outcomes[each.Name] = patientCall(connection, each)
	}
	repeated := []outcome{}
	for range todo.Repeated.Times {
		repeated = append(repeated, call(connection, todo.Repeated.Case))
	}
	result := map[string]any{
		"outcomes":  outcomes,
		"repeated":  repeated,
		"cancelled": map[string]string{"code": cancelled(connection, todo.Cancel)},
		"admin":     administer(todo.Admin),
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}
