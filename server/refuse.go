package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"kimberlite/log"
	"kimberlite/projections"
)

// Refusal is a start that is not made: what is wrong and what can be done about it.
type Refusal struct {
	Text, Hint string
	Cause      error
}

// Error is the text without the hint.
func (r *Refusal) Error() string { return r.Text }

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// refuseData words an error of opening the data directory.
func refuseData(dir string, err error) error {
	var id *log.IdentityError
	text, hint := fmt.Sprintf("could not open the data directory %q: %v", dir, err), ""
	switch {
	case errors.Is(err, log.ErrLocked):
		text = fmt.Sprintf("the data directory %q is in use by another kimberlite-server", dir)
		hint = "Stop the other server first, or give this one a directory of its own with --data-dir."
	case errors.As(err, &id):
		hint = map[string]string{
			"cluster name": "Check --cluster-name and --data-dir: this directory's data belong to another cluster.",
			"node id":      "A node keeps its number for life: check --node-id and --data-dir.",
		}[id.What]
		text = fmt.Sprintf("the data directory %q belongs to another cluster or node: its %s is %q, but %q is configured", dir, id.What, id.Have, id.Want)
	case errors.Is(err, log.ErrNewerFormat):
		hint = "Start it with that release or a later one; going back is not possible."
	case errors.Is(err, log.ErrDiskFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		text = fmt.Sprintf("no space left for the data directory %q", dir)
		hint = "Free some space; nothing was damaged. Never delete files inside the data directory."
	case errors.Is(err, syscall.EROFS):
		text = fmt.Sprintf("the data directory %q is on a read-only file system", dir)
		hint = "Remount it for writing, or look at the data with kimberlite-admin verify and inspect, which do not write."
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("The directory must be owned by the user that runs the server (user id %d).", os.Geteuid())
	case errors.Is(err, syscall.ENOTDIR):
		hint = "Some part of the path is a file."
	case errors.Is(err, log.ErrCorrupt), errors.Is(err, log.ErrLogShorter):
		text = err.Error() // names segment, offset, position and remedy
	case errors.Is(err, projections.ErrDamaged), errors.Is(err, projections.ErrDiverged):
		text = fmt.Sprintf("the projections in %q cannot be used: %v", filepath.Join(dir, projectionsDir), err)
		hint = fmt.Sprintf("The log is the truth: make the projections anew with kimberlite-admin rebuild --data-dir %s", dir)
	}
	return &Refusal{Text: text, Hint: hint, Cause: err}
}

// refuseListen words an error of listening.
func refuseListen(what, flag, address string, err error) error {
	text, hint := fmt.Sprintf("could not listen for %s on %s: %v", what, address, err), ""
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		text = fmt.Sprintf("could not listen for %s on %s: the port is in use", what, address)
		hint = fmt.Sprintf("Is another server (PostgreSQL?) already running on it? If not, choose another port with %s.", flag)
	case errors.Is(err, syscall.EACCES):
		hint = "Ports below 1024 need privileges."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = fmt.Sprintf("No interface of this machine has that address; check %s.", flag)
	case errors.As(err, &dns):
		hint = fmt.Sprintf("The host name is not known; check %s.", flag)
	}
	return &Refusal{Text: text, Hint: hint, Cause: err}
}
