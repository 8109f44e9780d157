package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/check"
	"mm2/topology"
)

// order is what the generator writes, 200 to 300 bytes of JSON.
type order struct {
	Order    string    `json:"order"`
	Customer string    `json:"customer"`
	Region   string    `json:"region"`
	Placed   time.Time `json:"placed"`
	Items    []item    `json:"items"`
	Total    float64   `json:"total"`
	Currency string    `json:"currency"`
	Payment  string    `json:"payment"`
}

type item struct {
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

const customers = 500

// orders makes the records of one end. The same seed gives the same orders,
// apart from the time. Orders of one customer have one key and so stay in one
// partition.
func orders(region topology.Alias, seed uint64) func(n int, id check.ID, r *kgo.Record) {
	// The region is part of the seed, or both ends would write the same.
	var stream uint64
	for _, b := range []byte(region) {
		stream = stream*31 + uint64(b)
	}
	random := rand.New(rand.NewPCG(seed, stream))
	return func(n int, _ check.ID, r *kgo.Record) {
		now := time.Now().Truncate(time.Millisecond)
		o := newOrder(random, region, n, now)
		value, err := json.Marshal(o)
		if err != nil {
			panic(fmt.Sprintf("order %d does not marshal: %v", n, err)) // plain fields always do
		}
		r.Key, r.Value, r.Timestamp = []byte(o.Customer), value, now
		r.Headers = []kgo.RecordHeader{
			{Key: "content-type", Value: []byte("application/json")},
			{Key: "region", Value: []byte(region)},
		}
	}
}

func newOrder(random *rand.Rand, region topology.Alias, n int, now time.Time) order {
	o := order{
		Order:    fmt.Sprintf("%s-%08d", region, n),
		Customer: fmt.Sprintf("customer-%04d", random.IntN(customers)),
		Region:   string(region),
		Placed:   now.UTC(),
		Currency: []string{"EUR", "JPY", "KRW", "USD"}[random.IntN(4)],
		Payment:  []string{"card", "invoice", "transfer"}[random.IntN(3)],
	}
	cents := 0
	for range 1 + random.IntN(2) {
		price, quantity := 100+random.IntN(9900), 1+random.IntN(5)
		cents += price * quantity
		o.Items = append(o.Items, item{
			SKU:      fmt.Sprintf("sku-%05d", random.IntN(100000)),
			Quantity: quantity,
			Price:    float64(price) / 100,
		})
	}
	o.Total = float64(cents) / 100
	return o
}
