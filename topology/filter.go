package topology

// Filter selects names by include and exclude patterns; exclude wins. Each
// list is joined with "|" and must match the whole name, as in Java.
// The zero Filter matches nothing.
type Filter struct{}
