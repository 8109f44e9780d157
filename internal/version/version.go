// Package version tells which mm2 this is.
package version

import "runtime/debug"

// release is set by the linker for released binaries.
var release string

// Release is the version of a released binary, or empty.
func Release() string { return release }

// String is the release, or the version that the Go tool recorded, or "development".
func String() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}
