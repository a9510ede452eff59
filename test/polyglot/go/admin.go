package main

import (
	"context"
	"encoding/json"
	"log"
	"time"

	executionv1 "example.com/polyglot/gen/execution/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
)

type adminWork struct {
	Target string          `json:"target"`
	Key    string          `json:"key"`
	Budget json.RawMessage `json:"budget"`
}

// administer makes the calls that a program of an admin makes: a budget is made, read, listed, watched, changed in vain, changed, and taken away.
func administer(todo adminWork) map[string]any {
	connection, err := grpc.NewClient(todo.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := executionv1.NewAdminServiceClient(connection)
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+todo.Key)
	wanted := &executionv1.Budget{}
	if err := protojson.Unmarshal(todo.Budget, wanted); err != nil {
		log.Fatal(err)
	}
	made := must(client.CreateBudget(ctx, &executionv1.CreateBudgetRequest{Budget: wanted})).GetBudget()
	asked := &executionv1.GetBudgetRequest{BudgetId: made.GetBudgetId()}
	read := must(client.GetBudget(ctx, asked)).GetBudget()
	listed := []json.RawMessage{}
	for _, budget := range must(client.ListBudgets(ctx, &executionv1.ListBudgetsRequest{})).GetBudgets() {
		listed = append(listed, toJSON(budget))
	}
	watched := watchOnce(ctx, client)
	change := &executionv1.UpdateBudgetRequest{Budget: &executionv1.Budget{
		BudgetId: made.GetBudgetId(),
		Version:  made.GetVersion(),
		Amount:   made.GetAmount() * 2,
	}}
	updated := must(client.UpdateBudget(ctx, change)).GetBudget()
	_, stale := client.UpdateBudget(ctx, change)
	deletion := &executionv1.DeleteBudgetRequest{BudgetId: updated.GetBudgetId(), Version: updated.GetVersion()}
	must(client.DeleteBudget(ctx, deletion))
	_, gone := client.GetBudget(ctx, asked)
	return map[string]any{
		"created": toJSON(made),
		"read":    toJSON(read),
		"listed":  listed,
		"watched": watched,
		"updated": toJSON(updated),
		"stale":   failureOf(stale),
		"gone":    failureOf(gone),
	}
}

func watchOnce(ctx context.Context, client executionv1.AdminServiceClient) json.RawMessage {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return toJSON(must(must(client.WatchBudgets(ctx, &executionv1.WatchBudgetsRequest{})).Recv()))
}

func must[Answer any](answer Answer, err error) Answer {
	if err != nil {
		log.Fatal(err)
	}
	return answer
}
