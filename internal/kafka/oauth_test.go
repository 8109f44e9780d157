package kafka_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/connection"
	"mm2/internal/kafka"
)

// bearerCluster is a fake cluster with OAUTHBEARER, which kfake has not: it
// accepts clients whose first message is want.
func bearerCluster(t *testing.T, want string) *kfake.Cluster {
	t.Helper()
	c := fake(t)
	c.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		if req.(*kmsg.SASLHandshakeRequest).Mechanism != "OAUTHBEARER" {
			resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		}
		return resp, nil, true
	})
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if got := req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes; !bytes.Equal(got, []byte(want)) {
			resp.SASLAuthBytes = []byte(`{"status":"invalid_token","scope":"kafka"}`)
		}
		return resp, nil, true
	})
	return c
}

// bearerConnection leads to brokers at addrs with tokens from endpoint.
func bearerConnection(addrs []string, endpoint string) connection.Connection {
	return connection.Connection{
		Bootstrap: addrs,
		Protocol:  connection.SASLPlaintext,
		SASL: connection.SASL{Mechanism: connection.OAuthBearer, OAuth: connection.OAuth{
			TokenURL:     endpoint,
			ClientID:     "mm2",
			ClientSecret: "s3cret/+",
		}},
	}
}

func TestBearerReachesCluster(t *testing.T) {
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.Method != http.MethodPost || id != "mm2" || secret != "s3cret/+" ||
			r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"access_token":"abc","token_type":"Bearer","expires_in":300}`)
	}))
	defer endpoint.Close()
	cluster := bearerCluster(t, "n,,\x01auth=Bearer abc\x01logicalCluster=lkc-1\x01pool=p\x01\x01")

	c := bearerConnection(cluster.ListenAddrs(), endpoint.URL)
	c.SASL.OAuth.Scope = "kafka"
	c.SASL.OAuth.Extensions = map[string]string{"pool": "p", "logicalCluster": "lkc-1"}
	c.SASL.OAuth.Trust.Certificates = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: endpoint.Certificate().Raw}))
	wantCluster(t, c)
}

func TestBearerEncodesHeaderWhenAsked(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, secret, _ := r.BasicAuth()
		if secret != url.QueryEscape("s3cret/+") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"access_token":"abc","expires_in":300}`)
	}))
	defer endpoint.Close()
	c := bearerConnection(bearerCluster(t, "n,,\x01auth=Bearer abc\x01\x01").ListenAddrs(), endpoint.URL)
	c.SASL.OAuth.EncodeHeader = true
	wantCluster(t, c)
}

func TestBearerFailuresAreExplained(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for _, tt := range []struct {
		name     string
		endpoint http.HandlerFunc
		says     []string
	}{
		{"refused by the broker", answer(200, `{"access_token":"other","expires_in":300}`), []string{"the broker refused the token: invalid_token, it wants the scope kafka", "issuer, audience and scope"}},
		{"refused by the endpoint", answer(401, `{"error":"invalid_client","error_description":"bad secret s3cret/+"}`), []string{"HTTP 401: invalid_client: bad secret [hidden]", "check client id, client secret and scope"}},
		{"not an endpoint", answer(404, "<html>"+strings.Repeat("nothing here ", 50)), []string{"HTTP 404", "…", "check the token endpoint's URL"}},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, []string{"HTTP 307"}},
		{"not JSON", answer(200, "hello"), []string{"not the JSON of a token"}},
		{"no token", answer(200, `{"expires_in":300}`), []string{"no access_token"}},
		{"not a token", answer(200, `{"access_token":"a\u0001b"}`), []string{"letters that a token cannot have"}},
		{"secret at the cut", answer(400, strings.Repeat("x", 196)+"s3cret/+"), []string{"HTTP 400", "[hid…"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			endpoint := httptest.NewServer(tt.endpoint)
			defer endpoint.Close()
			cluster := bearerCluster(t, "n,,\x01auth=Bearer abc\x01\x01")
			_, err := dialer(t, bearerConnection(cluster.ListenAddrs(), endpoint.URL)).ClusterID(t.Context())
			wantMessage(t, err, tt.says...)
			for _, secret := range []string{"s3cret", base64.StdEncoding.EncodeToString([]byte("mm2:s3cret/+"))} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows the secret: %v", err)
				}
			}
		})
	}
}

func TestBearerEndpointAway(t *testing.T) {
	endpoint := httptest.NewServer(http.NotFoundHandler())
	endpoint.Close()
	cluster := bearerCluster(t, "")
	_, err := dialer(t, bearerConnection(cluster.ListenAddrs(), endpoint.URL)).ClusterID(t.Context())
	wantMessage(t, err, "fetch token from "+endpoint.URL, "connection refused", "check the token endpoint's URL")
	if e, ok := errors.AsType[*kafka.TokenError](err); !ok || e.Status != 0 {
		t.Errorf("%v is no TokenError without a status", err)
	}
}

func TestTokenErrorsWorthARetry(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  kafka.TokenError
		want bool
	}{
		{"no answer", kafka.TokenError{Err: context.DeadlineExceeded}, true},
		{"asked to stop", kafka.TokenError{Err: context.Canceled}, false},
		{"in trouble", kafka.TokenError{Status: 503}, true},
		{"too many", kafka.TokenError{Status: 429}, true},
		{"refused", kafka.TokenError{Status: 401}, false},
		{"no such page", kafka.TokenError{Status: 404}, false},
		{"useless answer", kafka.TokenError{Status: 200, Err: errors.New("no token")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Temporary(); got != tt.want {
				t.Errorf("Temporary is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBearerSettingsAreChecked(t *testing.T) {
	ok := bearerConnection([]string{"127.0.0.1:1"}, "https://login.example.com/token").SASL.OAuth
	for _, tt := range []struct {
		name   string
		change func(*connection.OAuth)
		says   string
	}{
		{"no endpoint", func(o *connection.OAuth) { o.TokenURL = "" }, "no token endpoint"},
		{"no url", func(o *connection.OAuth) { o.TokenURL = "login.example.com" }, "write it like https://"},
		{"file", func(o *connection.OAuth) { o.TokenURL = "file:///token" }, "not an HTTP URL"},
		{"user in url", func(o *connection.OAuth) { o.TokenURL = "https://mm2:s3cret@login.example.com/token" }, "has a user in its URL"},
		{"no client id", func(o *connection.OAuth) { o.ClientID = "" }, "no client id"},
		{"no secret", func(o *connection.OAuth) { o.ClientSecret = "" }, "no client secret"},
		{"reserved extension", func(o *connection.OAuth) { o.Extensions = map[string]string{"auth": "x"} }, "reserved"},
		{"extension name", func(o *connection.OAuth) { o.Extensions = map[string]string{"a-b": "x"} }, "letters only"},
		{"extension value", func(o *connection.OAuth) { o.Extensions = map[string]string{"a": "x\x01y"} }, "SASL extension a has a value"},
		{"trust", func(o *connection.OAuth) { o.Trust.File = "testdata/none.pem" }, "testdata/none.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := ok
			tt.change(&o)
			_, err := kafka.NewDialer("tokyo", connection.Connection{
				Bootstrap: []string{"127.0.0.1:1"}, Protocol: connection.SASLPlaintext,
				SASL: connection.SASL{Mechanism: connection.OAuthBearer, OAuth: o},
			}, nil)
			wantMessage(t, err, tt.says)
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

// endpoint is a token endpoint without a network.
type endpoint func(*http.Request) (*http.Response, error)

func (e endpoint) RoundTrip(r *http.Request) (*http.Response, error) { return e(r) }

func answer(status int, format string, args ...any) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	fmt.Fprintf(w, format, args...)
	return w.Result(), nil
}

func TestTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	jwt := func(now time.Time) string {
		claims := fmt.Sprintf(`{"sub":"mm2","exp":%d}`, now.Add(100*time.Second).Unix())
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for _, tt := range []struct {
		name  string
		body  string // JWT stands for a token that says it ends in 100 seconds
		after time.Duration
		want  int64 // fetches by then
	}{
		{"fresh", `{"access_token":"t","expires_in":100}`, 79 * time.Second, 1},
		{"soon to end", `{"access_token":"t","expires_in":100}`, 80 * time.Second, 2},
		{"number as text", `{"access_token":"t","expires_in":"100"}`, 79 * time.Second, 1},
		{"fresh by its claims", `{"access_token":"JWT"}`, 79 * time.Second, 1},
		{"soon to end by its claims", `{"access_token":"JWT"}`, 80 * time.Second, 2},
		{"end not known", `{"access_token":"t"}`, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fetches atomic.Int64
				get := kafka.TokenGetter(t, endpoint(func(*http.Request) (*http.Response, error) {
					fetches.Add(1)
					return answer(200, "%s", strings.ReplaceAll(tt.body, "JWT", jwt(time.Now())))
				}))
				for _, after := range []time.Duration{0, tt.after} {
					<-time.After(after)
					if _, err := get(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := fetches.Load(); got != tt.want {
					t.Errorf("%d fetches, want %d", got, tt.want)
				}
			})
		})
	}
}

// An endpoint that is away for a moment does not stop a token that is good.
func TestGoodTokenOutlivesEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int64
		get := kafka.TokenGetter(t, endpoint(func(*http.Request) (*http.Response, error) {
			if fetches.Add(1) > 1 {
				return answer(503, "busy")
			}
			return answer(200, `{"access_token":"good","expires_in":100}`)
		}))
		for _, after := range []time.Duration{0, 90 * time.Second} {
			<-time.After(after)
			if got, err := get(t.Context()); got != "good" || err != nil {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		<-time.After(10 * time.Second)
		if got, err := get(t.Context()); err == nil {
			t.Errorf("got %q after its end", got)
		}
	})
}

func TestConcurrentCallsShareAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int64
		open := make(chan struct{})
		get := kafka.TokenGetter(t, endpoint(func(*http.Request) (*http.Response, error) {
			fetches.Add(1)
			<-open
			return answer(200, `{"access_token":"shared","expires_in":100}`)
		}))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if got, err := get(t.Context()); got != "shared" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(open)
		all.Wait()
		if got := fetches.Load(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}

// The fetch runs under the first caller's context. When that caller goes, one
// of those that wait takes over.
func TestFetchSurvivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int64
		get := kafka.TokenGetter(t, endpoint(func(r *http.Request) (*http.Response, error) {
			if fetches.Add(1) == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return answer(200, `{"access_token":"second","expires_in":100}`)
		}))
		var all sync.WaitGroup
		first, stop := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := get(first); !errors.Is(err, context.Canceled) {
				t.Errorf("first caller got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got, err := get(t.Context()); got != "second" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
		synctest.Wait()
		stop()
		all.Wait()
	})
}

func TestWaitingForAFetchEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		get := kafka.TokenGetter(t, endpoint(func(*http.Request) (*http.Response, error) {
			<-open
			return answer(200, `{"access_token":"late","expires_in":100}`)
		}))
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := get(t.Context()); got != "late" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
		synctest.Wait()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := get(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		close(open)
		all.Wait()
	})
}

func TestSlowEndpointIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		get := kafka.TokenGetter(t, endpoint(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		begun := time.Now()
		_, err := get(t.Context())
		wantMessage(t, err, "fetch token from")
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("gave up after %v, want 10s", took)
		}
	})
}
