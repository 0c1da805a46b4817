//go:build !linux

package pgwire

import (
	"errors"
	"net"
)

// peerUID is known on Linux only; elsewhere the method refuses.
func peerUID(net.Conn) (int, error) {
	return 0, errors.New("peer authentication is not supported on this platform")
}
