package main

import (
	"bytes"
	"context"
	"testing"

	"mm2/internal/app"
	"mm2/topology"
)

func TestOffsetsArguments(t *testing.T) {
	for _, tt := range []struct {
		name, arrow, file, output string
		want                      string
	}{
		{"no arrow", "A-B", "testdata/active-active.toml", "text", `"A-B" is not a direction: write it like 'seoul->tokyo', in quotes`},
		{"output", "A->B", "testdata/active-active.toml", "yaml", `output "yaml" is not text or json`},
		{"file", "A->B", "nowhere.toml", "text", "nowhere.toml: cannot be read: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &offsetsTranslateCommand{file: tt.file, group: "g", output: tt.output}
			if err := c.run(context.Background(), tt.arrow, &bytes.Buffer{}); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestOffsetsText(t *testing.T) {
	offsets := []app.TranslatedOffset{
		{Topic: "orders", Partition: 0, Offset: 7, Translated: true, TargetTopic: "A.orders", TargetOffset: 27, Exact: true, Committed: new(int64(26))},
		{Topic: "orders", Partition: 1, Offset: 9, Translated: true, TargetTopic: "A.orders", TargetPartition: 1, TargetOffset: 20},
		{Topic: "payments", Offset: 3, TargetOffset: -1, Note: "A->B does not copy this topic"},
	}
	var out bytes.Buffer
	if err := printOffsetsText(&out, topology.FlowID{Source: "A", Target: "B"}, "g", offsets); err != nil {
		t.Fatal(err)
	}
	const want = `ON A        OFFSET  ON B        OFFSET  HOW    COMMITTED THERE
orders/0    7       A.orders/0  27      exact  26
orders/1    9       A.orders/1  20      again  -
payments/0  3       -           -       none   A->B does not copy this topic
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if err := untranslated(offsets); err == nil || err.Error() != "1 of 3 positions have no translation" {
		t.Errorf("error %v", err)
	}
	if cmd := newOffsetsCommand(nil); len(cmd.Commands()) != 1 {
		t.Error("no translate command")
	}
}
