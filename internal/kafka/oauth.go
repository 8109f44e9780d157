package kafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"mm2/internal/connection"
)

const (
	// One attempt. Kafka gives a connection ten seconds to authenticate.
	tokenTimeout = 10 * time.Second
	// Answers are a few kilobytes; a page of HTML instead of a token need not
	// be read to its end.
	maxTokenAnswer = 256 << 10
	// The share of a token's life after which a new one is fetched, as in
	// Kafka's clients (sasl.login.refresh.window.factor).
	tokenFreshPart = 0.8
)

// TokenError says that the token endpoint of OAUTHBEARER gave no token.
type TokenError struct {
	Endpoint string // its URL
	Status   int    // of HTTP; 0 if there was no answer
	Detail   string // what the endpoint said, without the client's secret
	Err      error  // why there was no answer, or why it was of no use
}

func (e *TokenError) Error() string {
	s := "fetch token from " + e.Endpoint
	if e.Status != 0 {
		s += ": HTTP " + strconv.Itoa(e.Status)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *TokenError) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed later. Clients then
// try again on their own.
func (e *TokenError) Temporary() bool {
	if e.Status == 0 {
		return !errors.Is(e.Err, context.Canceled)
	}
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests
}

func (e *TokenError) remedy() string {
	switch {
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden:
		return "check client id, client secret and scope of OAUTHBEARER, and that the client may use the grant client_credentials"
	case e.Status == 0:
		return "check the token endpoint's URL, the network to it, and the certificates trusted for it"
	case e.Temporary():
		return "the token endpoint is in trouble: see its log"
	}
	return "check the token endpoint's URL"
}

// tokens fetches tokens by the client-credentials grant and keeps the current
// one. All connections to a cluster share it.
type tokens struct {
	endpoint string
	header   string // Authorization
	body     string
	secrets  []string // must not appear in errors
	client   *http.Client

	mu      sync.Mutex // guards what follows
	current token
	flight  *flight // nil when nobody is fetching
}

type token struct {
	value   string
	refresh time.Time // from then on a new one is wanted
	expires time.Time // from then on it is of no use
}

// flight is a fetch that others wait for. The result is set before done is
// closed.
type flight struct {
	done   chan struct{}
	token  token
	err    error
	gaveUp bool // err is there because the caller stopped waiting
}

func oauthMechanism(c connection.OAuth) (sasl.Mechanism, error) {
	t, err := newTokens(c)
	if err != nil {
		return nil, err
	}
	extensions := maps.Clone(c.Extensions)
	return bearer{oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		value, err := t.get(ctx)
		return oauth.Auth{Token: value, Extensions: extensions}, err
	})}, nil
}

func newTokens(c connection.OAuth) (*tokens, error) {
	errs := []error{checkEndpoint(c.TokenURL), checkExtensions(c.Extensions)}
	if c.ClientID == "" {
		errs = append(errs, advise(errors.New("OAUTHBEARER has no client id"), "set it"))
	}
	if c.ClientSecret == "" {
		errs = append(errs, advise(errors.New("OAUTHBEARER has no client secret"), "set it, best as ${env:NAME} or ${file:path}"))
	}
	roots, err := loadRoots(c.Trust)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	id, secret := c.ClientID, c.ClientSecret.Reveal()
	if c.EncodeHeader {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
	form := url.Values{"grant_type": {"client_credentials"}}
	if c.Scope != "" {
		form.Set("scope", c.Scope)
	}
	return &tokens{
		endpoint: c.TokenURL,
		header:   "Basic " + basic,
		body:     form.Encode(),
		secrets:  []string{c.ClientSecret.Reveal(), secret, url.QueryEscape(secret), basic},
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:           http.ProxyFromEnvironment,
				TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				// Tokens are fetched once in many minutes.
				DisableKeepAlives: true,
			},
			// A redirect would carry the secret to where nobody configured it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func checkEndpoint(s string) error {
	if s == "" {
		return advise(errors.New("OAUTHBEARER has no token endpoint"), "set its URL")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return advise(errors.New("the token endpoint of OAUTHBEARER is not an HTTP URL"), "write it like https://login.example.com/oauth2/token")
	case u.User != nil:
		return advise(errors.New("the token endpoint of OAUTHBEARER has a user in its URL"), "give client id and client secret with their own keys")
	}
	return nil
}

// The forms of SASL extensions that brokers accept (RFC 7628, section 3.1).
var (
	extensionKey   = regexp.MustCompile(`^[A-Za-z]+$`)
	extensionValue = regexp.MustCompile(`^[\x21-\x7E \t\r\n]+$`)
)

func checkExtensions(extensions map[string]string) error {
	var errs []error
	for k, v := range extensions {
		switch {
		case k == "auth":
			errs = append(errs, advise(errors.New("the SASL extension auth is reserved for the token"), "use another name"))
		case !extensionKey.MatchString(k):
			errs = append(errs, advise(fmt.Errorf("SASL extension %q is not a valid name", k), "use letters only"))
		case !extensionValue.MatchString(v):
			errs = append(errs, advise(fmt.Errorf("SASL extension %s has a value that is empty or has letters outside of ASCII", k), "correct it"))
		}
	}
	return errors.Join(errs...)
}

// get returns a token that is valid now. Concurrent calls share one request,
// which runs under the ctx of the first; if that one gives up, another of them
// goes on.
func (t *tokens) get(ctx context.Context) (string, error) {
	for {
		t.mu.Lock()
		if time.Now().Before(t.current.refresh) {
			defer t.mu.Unlock()
			return t.current.value, nil
		}
		f := t.flight
		if f == nil {
			f = &flight{done: make(chan struct{})}
			t.flight = f
			t.mu.Unlock()
			t.fly(ctx, f)
			return f.token.value, f.err
		}
		t.mu.Unlock()
		select {
		case <-f.done:
			if !f.gaveUp {
				return f.token.value, f.err
			}
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// fly fetches a token into f and, if it can be used again, into t.current. If
// that fails while the current token is still good, the current one serves.
func (t *tokens) fly(ctx context.Context, f *flight) {
	f.token, f.err = t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case f.err == nil:
		t.current = f.token
	case time.Now().Before(t.current.expires):
		f.token, f.err = t.current, nil
	default:
		f.gaveUp = ctx.Err() != nil
	}
	t.flight = nil
	close(f.done)
}

// fetch asks the endpoint for a token.
func (t *tokens) fetch(ctx context.Context) (token, error) {
	limited, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, t.endpoint, strings.NewReader(t.body))
	if err != nil {
		return token{}, t.failure(0, "", err)
	}
	req.Header.Set("Authorization", t.header)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	asked := time.Now()
	resp, err := t.client.Do(req)
	if err != nil {
		return token{}, t.failure(0, "", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
	if err != nil {
		return token{}, t.failure(0, "", fmt.Errorf("read answer: %w", err))
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return token{}, t.failure(resp.StatusCode, refusal(body), nil)
	}
	got, err := parseToken(body, asked)
	if err != nil {
		return token{}, t.failure(resp.StatusCode, "", err)
	}
	return got, nil
}

// failure builds the error of a fetch.
func (t *tokens) failure(status int, detail string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text repeats the URL
	}
	for _, s := range t.secrets {
		// What the endpoint echoes is not in our hands.
		detail = strings.ReplaceAll(detail, s, "[hidden]")
	}
	return &TokenError{Endpoint: t.endpoint, Status: status, Detail: shorten(detail), Err: err}
}

// refusal is what the endpoint says about a refused request: the fields of
// RFC 6749, section 5.2, or else its text.
func refusal(body []byte) string {
	var e struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	s := strings.Join(strings.Fields(string(body)), " ")
	if json.Unmarshal(body, &e) == nil && e.Code != "" {
		s = e.Code
		if e.Description != "" {
			s += ": " + e.Description
		}
	}
	return s
}

// shorten keeps pages of HTML out of logs. It comes after hiding secrets, of
// which it might leave a part.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func parseToken(body []byte, asked time.Time) (token, error) {
	var answer struct {
		Value     string      `json:"access_token"`
		ExpiresIn json.Number `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return token{}, errors.New("the answer is not the JSON of a token")
	}
	if answer.Value == "" {
		return token{}, errors.New("the answer has no access_token")
	}
	if strings.ContainsFunc(answer.Value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return token{}, errors.New("the access_token has letters that a token cannot have")
	}
	got := token{value: answer.Value}
	if seconds, err := answer.ExpiresIn.Float64(); err == nil && seconds > 0 && seconds < 1e9 {
		got.expires = asked.Add(time.Duration(seconds * float64(time.Second)))
	} else {
		got.expires = expiryOf(answer.Value)
	}
	// A token without a known end is used once: both times are zero.
	if life := got.expires.Sub(asked); !got.expires.IsZero() && life > 0 {
		got.refresh = asked.Add(time.Duration(float64(life) * tokenFreshPart))
	}
	return got, nil
}

// expiryOf reads the end of a JSON web token, without verifying it: the broker
// does that. It is zero for tokens of other kinds.
func expiryOf(value string) time.Time {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var c struct {
		Expires float64 `json:"exp"`
	}
	if err := json.Unmarshal(claims, &c); err != nil || c.Expires <= 0 || c.Expires > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(c.Expires), 0)
}

// bearer is OAUTHBEARER whose refusals say what the broker said: it answers a
// token that it does not like with a JSON document instead of an error code.
type bearer struct{ sasl.Mechanism }

func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	s, first, err := b.Mechanism.Authenticate(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	return bearerSession{s}, first, nil
}

type bearerSession struct{ sasl.Session }

// errTokenRefused says that the broker did not accept the token.
var errTokenRefused = errors.New("the broker refused the token")

func (s bearerSession) Challenge(answer []byte) (bool, []byte, error) {
	if len(answer) > 0 {
		return false, nil, fmt.Errorf("%w: %s", errTokenRefused, brokerRefusal(answer))
	}
	return s.Session.Challenge(answer)
}

// brokerRefusal renders the broker's document of RFC 7628, section 3.2.2.
func brokerRefusal(answer []byte) string {
	var r struct {
		Status string `json:"status"`
		Scope  string `json:"scope"`
	}
	if json.Unmarshal(answer, &r) != nil || r.Status == "" {
		return shorten(refusal(answer))
	}
	if r.Scope != "" {
		return r.Status + ", it wants the scope " + r.Scope
	}
	return r.Status
}
