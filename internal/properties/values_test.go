package properties

import "testing"

func TestCheckAddress(t *testing.T) {
	tests := []struct {
		in string
		ok bool
	}{
		{"kafka:9092", true},
		{"10.0.0.1:1", true},
		{"[::1]:9092", true},
		{"kafka", false},
		{":9092", false},
		{"kafka:0", false},
		{"kafka:65536", false},
		{"kafka:http", false},
		{"::1:9092", false},
		{"SSL://kafka:9092", false},
		{"a b:9092", false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if err := CheckAddress(tt.in); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"topics", "topics_exclude", "lanes", "B"}
	tests := []struct{ in, want string }{
		{"topic", "did you mean topics?"},
		{"topcis", "did you mean topics?"},
		{"topics-exclude", "did you mean topics_exclude?"},
		{"lane", "did you mean lanes?"},
		{"b", "did you mean B?"},
		{"Z", ""},
		{"port", ""},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if got := DidYouMean(tt.in, known); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
