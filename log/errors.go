package log

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors that somebody would act on. Test with errors.Is.
var (
	// ErrCorrupt marks every *CorruptionError. Written: unknown. Retry: no; see the recovery procedure.
	ErrCorrupt = errors.New("the event log is damaged")
	// ErrDiskFull: nothing was written, nothing is damaged. Retry: yes, once there is space.
	ErrDiskFull = errors.New("no space left on the log's device")
	// ErrFailed: an earlier write or sync failed and the log accepts nothing more until it is opened again.
	ErrFailed = errors.New("the event log has stopped after an I/O error")
	// ErrLogShorter: the log ends before events that this node acknowledged. The node must come back with a fresh identity.
	ErrLogShorter = errors.New("the event log is shorter than what this node acknowledged")
	// ErrLocked: another process uses the data directory.
	ErrLocked = errors.New("the data directory is in use by another server")
	// ErrNewerFormat: written by a later release.
	ErrNewerFormat = errors.New("the data directory was written by a newer release")
	// ErrIdentity marks every *IdentityError.
	ErrIdentity = errors.New("the data directory belongs to another cluster or node")
	// ErrCompacted: the position is before the first one kept.
	ErrCompacted = errors.New("the event is no longer in the log")
	// ErrUnavailable: the position is after the last one.
	ErrUnavailable = errors.New("the event is not in the log yet")
	// ErrReadOnly: the log was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("the event log is open for reading only")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the event log is closed")
)

// CorruptionError names the first bad record. errors.Is(err, ErrCorrupt) holds.
type CorruptionError struct {
	Segment  string   // file name within log/, or within meta/
	Offset   int64    // byte offset in that file; in a compressed segment, of the block
	Position Position // the event found or expected there
	Case     string   // row of the recovery table, or "" outside recovery
	Reason   string
	Remedy   string
	Cause    error
}

const remedyCorrupt = "Do not delete the file. Run \"kimberlite-admin verify\" to see the extent of the damage, then restore log/ from a healthy member or a backup."

// Error prints everything an operator needs in one line.
func (e *CorruptionError) Error() string {
	s := fmt.Sprintf("%v: segment %s, offset %d, position %d: %s", ErrCorrupt, e.Segment, e.Offset, e.Position, e.Reason)
	if e.Case != "" {
		s += " (recovery case " + e.Case + ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	if e.Remedy != "" {
		s += ". " + e.Remedy
	}
	return s
}

// Is makes every CorruptionError match ErrCorrupt.
func (e *CorruptionError) Is(target error) bool { return target == ErrCorrupt }

// Unwrap gives the underlying I/O or decoding error, if there was one.
func (e *CorruptionError) Unwrap() error { return e.Cause }

// ShorterError is returned by Open when acknowledged events are missing. errors.Is(err, ErrLogShorter) holds.
type ShorterError struct {
	Last         Position // the last event still there
	Acknowledged Position // what meta/ says was acknowledged
	Identity     Identity
}

// Error says what is missing and what can be done.
func (e *ShorterError) Error() string {
	return fmt.Sprintf("%v: it ends at position %d, but position %d was acknowledged. Restore log/, or let the node join again with a fresh identity (generation %d)",
		ErrLogShorter, e.Last, e.Acknowledged, e.Identity.Generation+1)
}

// Is makes every ShorterError match ErrLogShorter.
func (e *ShorterError) Is(target error) bool { return target == ErrLogShorter }

// IdentityError is returned by Open for a directory of another cluster or node. errors.Is(err, ErrIdentity) holds.
type IdentityError struct {
	What       string // "cluster name", "node id" or "cluster id"
	Want, Have string // configured, and found in the directory
}

// Error says which setting does not match the directory.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("%v: its %s is %q, but %q is configured", ErrIdentity, e.What, e.Have, e.Want)
}

// Is makes every IdentityError match ErrIdentity.
func (e *IdentityError) Is(target error) bool { return target == ErrIdentity }

// diskFull tells whether err means that space ran out.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ioError adds what was being done to err and marks a full disk.
func ioError(doing string, err error) error {
	if diskFull(err) {
		return fmt.Errorf("%w: %s: %w", ErrDiskFull, doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
