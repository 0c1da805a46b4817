package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/projections"
)

// InspectOptions choose what Inspect prints.
type InspectOptions struct {
	From, To log.Position // To 0: to the end
	Rows     bool         // every row operation as well
	JSON     bool         // one object a line
}

// Inspect prints the events of a data directory's log, readably. It needs no lock and writes nothing, so that it also serves beside a running server.
func Inspect(dataDir string, o InspectOptions, out io.Writer) int {
	if err := isDataDir(dataDir); err != nil {
		fmt.Fprintln(out, err)
		return StatusUsage
	}
	status, printed := StatusOK, 0
	err := log.Inspect(vfs.Default, dataDir, max(o.From, 1), func(r log.Record) bool {
		if r.Damage == nil && o.To > 0 && r.Event.Position > o.To {
			return false
		}
		if r.Damage == nil && r.Event.Position < o.From {
			return true
		}
		printed++
		e := describe(r, o.Rows)
		if r.Damage != nil {
			status = StatusDamaged
		}
		if o.JSON {
			b, _ := json.Marshal(e) // plain fields
			fmt.Fprintf(out, "%s\n", b)
		} else {
			e.print(out)
		}
		return true
	})
	if err != nil {
		fmt.Fprintln(out, err)
		return StatusDamaged
	}
	if printed == 0 && !o.JSON {
		fmt.Fprintln(out, "no events there")
	}
	return status
}

// entry is an event as it is printed.
type entry struct {
	Position uint64   `json:"position"`
	View     uint64   `json:"view"`
	Kind     string   `json:"kind"`
	Segment  string   `json:"segment"`
	Offset   int64    `json:"offset"`
	Bytes    int64    `json:"bytes"`
	Hash     string   `json:"hash"`
	Text     string   `json:"text,omitempty"`
	Lines    []string `json:"details,omitempty"`
	Damage   string   `json:"damage,omitempty"`
}

func (e *entry) print(w io.Writer) {
	if e.Damage != "" {
		fmt.Fprintf(w, "%10s  DAMAGE in %s at offset %d: %s\n", "?", e.Segment, e.Offset, e.Damage)
		return
	}
	fmt.Fprintf(w, "%10d  view %d  %-12s %s  %s\n", e.Position, e.View, e.Kind, e.Hash[:8], e.Text)
	for _, l := range e.Lines {
		fmt.Fprintf(w, "%12s%s\n", "", l)
	}
}

func describe(r log.Record, rows bool) *entry {
	if r.Damage != nil {
		return &entry{Segment: r.Segment, Offset: r.Offset, Damage: r.Damage.Error()}
	}
	ev := &r.Event
	e := &entry{Position: uint64(ev.Position), View: ev.View, Kind: ev.Kind.String(), Segment: r.Segment, Offset: r.Offset, Bytes: r.Bytes, Hash: ev.Hash.String()}
	var err error
	switch ev.Kind {
	case log.KindTransaction, log.KindCatalog, log.KindStatistics:
		err = e.transaction(ev.Payload, rows)
	case log.KindChunk:
		var c *projections.Chunk
		if c, err = projections.DecodeChunk(ev.Payload); err == nil {
			e.Text = fmt.Sprintf("xid %d, part %d", c.XID, c.Number)
			e.rowOps(c.Rows, rows)
		}
	case log.KindSequence:
		var list []projections.SequenceState
		if list, err = projections.DecodeSequences(ev.Payload); err == nil {
			e.sequences(list)
		}
	case log.KindCheckpoint:
		var c *projections.Checkpoint
		if c, err = projections.DecodeCheckpoint(ev.Payload); err == nil {
			if e.Text = "mark"; c.Position > 0 {
				e.Text = fmt.Sprintf("position %d, chain hash %s, digest %s", c.Position, c.Hash.Short(), c.Digest)
			}
		}
	case log.KindAbandon:
		var a *projections.Abandon
		if a, err = projections.DecodeAbandon(ev.Payload); err == nil {
			e.Text = fmt.Sprintf("xids %v", a.XIDs)
		}
	case log.KindViewChange:
		e.Text = "a leader opened its view"
	default:
		e.Text = fmt.Sprintf("%d bytes", len(ev.Payload))
	}
	if err != nil {
		e.Damage = "the payload cannot be read: " + err.Error()
	}
	return e
}

func (e *entry) transaction(payload []byte, rows bool) error {
	t, err := projections.DecodeTransaction(payload)
	if err != nil {
		return err
	}
	var parts []string
	if t.XID != 0 {
		parts = append(parts, fmt.Sprintf("xid %d", t.XID))
	}
	parts = append(parts, timeText(t.CommitTime))
	if t.Database != 0 {
		parts = append(parts, fmt.Sprintf("database %d", t.Database))
	}
	if t.Role != 0 {
		parts = append(parts, fmt.Sprintf("role %d", t.Role))
	}
	if t.App != "" {
		parts = append(parts, fmt.Sprintf("application %q", t.App))
	}
	if t.Chunks > 0 {
		parts = append(parts, fmt.Sprintf("%d parts before", t.Chunks))
	}
	e.Text = strings.Join(parts, ", ")
	for _, d := range t.Drops {
		e.line("drop storage %d", d)
	}
	for _, op := range t.Tables {
		if op.Def == nil {
			e.line("drop table %d", op.Table)
		} else {
			e.line("define table %d: storage %d, %d columns, %d indexes", op.Table, op.Def.Storage, len(op.Def.Columns), len(op.Def.Indexes))
		}
	}
	e.rowOps(t.Rows, rows)
	for _, op := range t.Catalog {
		e.line("%s", catalogText(op))
	}
	e.sequences(t.Sequences)
	for _, s := range t.SequenceDrops {
		e.line("drop sequence %d", s)
	}
	for _, n := range t.Notifications {
		e.line("notify %q: %q", n.Channel, n.Payload)
	}
	return nil
}

func (e *entry) line(format string, args ...any) {
	e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
}

func (e *entry) sequences(list []projections.SequenceState) {
	for _, s := range list {
		e.line("sequence %d at %d (called %v)", s.Sequence, s.Last, s.Called)
	}
}

func (e *entry) rowOps(tables []projections.TableRows, all bool) {
	for _, t := range tables {
		var count [4]int
		for _, op := range t.Ops {
			if int(op.Op) < len(count) {
				count[op.Op]++
			}
		}
		e.line("storage %d: %d inserted, %d updated, %d deleted", t.Storage, count[projections.OpInsert], count[projections.OpUpdate], count[projections.OpDelete])
		if all {
			for _, op := range t.Ops {
				e.line("  %s row %d: %x", op.Op, op.Row, op.Image)
			}
		}
	}
}
