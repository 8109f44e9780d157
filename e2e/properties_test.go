package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"mm2/e2e"
)

// TestPropertiesOfJava runs a file of Java MirrorMaker 2 as it is, host names
// aside, between Kafka's own console producer and consumer.
func TestPropertiesOfJava(t *testing.T) {
	a, b := cluster(t, "a"), cluster(t, "b")
	text, err := os.ReadFile("testdata/connect-mirror-maker.properties")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("a-kafka:9092", a.Bootstrap()[0], "b-kafka:9092", b.Bootstrap()[0]).Replace(string(text))
	a.CreateTopic(t, "test", 1)
	w := e2e.Run(t, e2e.Job{Binary: fleet.binary(t), Name: "properties", Config: config, Suffix: ".properties"})
	w.Ready(t, readyIn)

	const lines = "hello\nfrom the console\nthree\n"
	a.Exec(t, lines, "/opt/kafka/bin/kafka-console-producer.sh", "--bootstrap-server", a.Bootstrap()[0], "--topic", "test")

	admin := b.Admin(t)
	e2e.Until(t, arrivesIn, "A.test has three records", func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		ends, err := admin.ListCommittedOffsets(ctx, "A.test")
		if err != nil {
			return err
		}
		if end, ok := ends.Lookup("A.test", 0); !ok || end.Err != nil || end.Offset < 3 {
			return errors.Join(fmt.Errorf("it ends at %d", end.Offset), end.Err)
		}
		return nil
	})
	got := b.Exec(t, "", "/opt/kafka/bin/kafka-console-consumer.sh", "--bootstrap-server", b.Bootstrap()[0],
		"--topic", "A.test", "--from-beginning", "--isolation-level", "read_committed", "--max-messages", "3")
	if !strings.Contains(got, lines) {
		t.Errorf("the console consumer of A.test printed\n%s\nwant\n%s", got, lines)
	}
	w.Stop(t, stopsIn)
}
