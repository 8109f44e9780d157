package streams_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// exampleTB is the testing.TB of an example, which has none.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (*exampleTB) Helper()                      {}
func (*exampleTB) Context() context.Context     { return context.Background() }
func (*exampleTB) Errorf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (*exampleTB) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (tb *exampleTB) Cleanup(fn func())         { tb.cleanups = append(tb.cleanups, fn) }

// runExample runs a topology for an example, in which use pipes records.
func runExample(b *streams.Builder, use func(d *streamstest.Driver)) {
	top, err := b.Build()
	if err != nil {
		panic(err)
	}
	tb := &exampleTB{}
	use(streamstest.New(tb, top))
	for _, fn := range tb.cleanups {
		fn()
	}
}

// Orders are joined with the addresses of their users. Both topics are keyed by
// user.
func ExampleJoinTable() {
	b := streams.NewBuilder()
	orders := streams.Stream[string, string](b, "orders")
	addresses := streams.Table[string, string](b, "addresses", streams.Store("addresses-store"))
	streams.JoinTable(orders, addresses, func(order, address string) string {
		return order + "send to" + address
	}).To("shipments")

	runExample(b, func(d *streamstest.Driver) {
		start := time.UnixMilli(0)
		streamstest.Input[string, string](d, "addresses").Pipe("ann", " Paris", start)
		in := streamstest.Input[string, string](d, "orders")
		in.Pipe("ann", "a book ", start.Add(time.Second))
		in.Pipe("bob", "a pen ", start.Add(2*time.Second)) // there is no address
		for _, r := range streamstest.Output[string, string](d, "shipments").Records() {
			fmt.Printf("%s: %s\n", r.Key, r.Value)
		}
	})
	// Output:
	// ann: a book send to Paris
}

// Orders are joined with users, of which every instance has all: the key of a
// user is taken from the order, whatever the order's own key is.
func ExampleJoinGlobal() {
	b := streams.NewBuilder()
	orders := streams.Stream[string, string](b, "orders") // values are user:item
	users := streams.GlobalTable[string, string](b, "users", streams.Store("users-store"))
	userOf := func(_, order string) string {
		user, _, _ := strings.Cut(order, ":")
		return user
	}
	streams.JoinGlobal(orders, users, userOf, func(order, name string) string {
		return order + " for " + name
	}).To("named-orders")

	runExample(b, func(d *streamstest.Driver) {
		start := time.UnixMilli(0)
		streamstest.Input[string, string](d, "users").Pipe("u1", "Ann", start)
		in := streamstest.Input[string, string](d, "orders")
		in.Pipe("order-7", "u1:pen", start)
		in.Pipe("order-8", "u2:ink", start) // there is no such user
		for _, r := range streamstest.Output[string, string](d, "named-orders").Records() {
			fmt.Printf("%s: %s\n", r.Key, r.Value)
		}
	})
	// Output:
	// order-7: u1:pen for Ann
}
