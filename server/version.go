package server

import (
	"runtime"
	"runtime/debug"
)

// Version is the release.
const Version = "0.1.0"

// revision is the commit that the binary was built from, when the build knows it.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "unknown"
}

// VersionText is what --version prints.
func VersionText() string {
	return "kimberlite " + Version + " (PostgreSQL 15.18 compatible), revision " + revision() + ", " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
