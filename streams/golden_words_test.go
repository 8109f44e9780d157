package streams_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"mm2/internal/streamsgolden"
)

const ms = time.Millisecond

var countOnClose = streamsgolden.CountOnClose

// number is the part of "group:number" behind the colon.
func number(v string) int {
	_, digits, _ := strings.Cut(v, ":")
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err)
	}
	return n
}

// orNull is how tests print a missing side.
func orNull(v *string) string {
	if v == nil {
		return "null"
	}
	return *v
}

func plus(l, r string) string              { return l + "+" + r }
func plusLeft(l string, r *string) string  { return l + "+" + orNull(r) }
func plusOuter(l, r *string) string        { return orNull(l) + "+" + orNull(r) }
func slashLeft(l string, r *string) string { return l + "/" + orNull(r) }

func empty() string { return "" }

func int64Of(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }
