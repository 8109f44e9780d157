package connection_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"mm2/internal/connection"
)

const value = "hunter2"

// everywhere is a connection with a secret in each place that can hold one.
func everywhere() connection.Connection {
	return connection.Connection{
		TLS: connection.TLS{
			Trust:       connection.Store{Password: value},
			Keys:        connection.Store{Password: value, Key: value},
			KeyPassword: value,
		},
		SASL: connection.SASL{Password: value, OAuth: connection.OAuth{ClientSecret: value}},
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, holder := range []struct {
		name  string
		value any
	}{
		{"secret", connection.Secret(value)},
		{"pointer", &[]connection.Secret{value}[0]},
		{"list", []connection.Secret{value}},
		{"map", map[string]connection.Secret{"password": value}},
		{"connection", everywhere()},
		{"pointer to a connection", new(everywhere())},
	} {
		for _, way := range []struct {
			name  string
			print func(any) string
		}{
			{"%v", func(a any) string { return fmt.Sprintf("%v", a) }},
			{"%+v", func(a any) string { return fmt.Sprintf("%+v", a) }},
			{"%#v", func(a any) string { return fmt.Sprintf("%#v", a) }},
			{"%s", func(a any) string { return fmt.Sprintf("%s", a) }},
			{"%q", func(a any) string { return fmt.Sprintf("%q", a) }},
			{"%x", func(a any) string { return fmt.Sprintf("%x %X", a, a) }},
			{"a verb that does not fit", func(a any) string { return fmt.Sprintf(strings.Clone("%d %t %e"), a, a, a) }},
			{"print", func(a any) string { return fmt.Sprint(a) }},
			{"error", func(a any) string { return fmt.Errorf("bad: %w: %v", errors.ErrUnsupported, a).Error() }},
			{"json", func(a any) string {
				b, err := json.Marshal(a)
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}},
			{"slog text", func(a any) string {
				var b bytes.Buffer
				slog.New(slog.NewTextHandler(&b, nil)).Info("hello", "it", a)
				return b.String()
			}},
			{"slog json", func(a any) string {
				var b bytes.Buffer
				slog.New(slog.NewJSONHandler(&b, nil)).Info("hello", "it", a)
				return b.String()
			}},
		} {
			t.Run(holder.name+" by "+way.name, func(t *testing.T) {
				got := way.print(holder.value)
				for _, leak := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
					if strings.Contains(got, leak) {
						t.Errorf("the secret is shown: %s", got)
					}
				}
			})
		}
	}
}

func TestSecretShowsWhetherItIsSet(t *testing.T) {
	for _, tt := range []struct {
		name, format, want string
		secret             connection.Secret
	}{
		{"set", "%v", "[hidden]", value},
		{"not set", "%v", "", ""},
		{"set, quoted", "%q", `"[hidden]"`, value},
		{"not set, as Go", "%#v", `""`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprintf(tt.format, tt.secret); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestReveal(t *testing.T) {
	if got := connection.Secret(value).Reveal(); got != value {
		t.Errorf("got %q, want %q", got, value)
	}
}
