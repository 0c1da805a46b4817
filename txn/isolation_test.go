package txn

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Several sessions, interleaved by a script. A line "s1: command" runs the command in session s1; if it has to wait, "s1: waits" is printed, and
// its result appears below the line that let it go on.
func TestIsolation(t *testing.T) {
	datadriven.Walk(t, "testdata/isolation", func(t *testing.T, path string) {
		var w *stage
		defer func() {
			if w != nil {
				w.close()
			}
		}()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "new":
				if w != nil {
					w.close()
				}
				w = newStage(t)
				return w.play(d.Input)
			case "play":
				return w.play(d.Input)
			}
			return "unknown command " + d.Cmd
		})
	})
}

type stage struct {
	n        *node
	def      *projections.TableDef
	sessions map[string]*actor
}

type actor struct {
	name   string
	b      *Backend
	tx     *Txn
	marks  map[string]Savepoint
	ctx    context.Context
	cancel context.CancelFunc
	busy   bool
	result chan string
}

func newStage(t *testing.T) *stage {
	w := &stage{n: newNode(t, Options{DeadlockTimeout: 15 * time.Millisecond}), def: usersTable(100, 1000), sessions: map[string]*actor{}}
	w.n.create(t, w.def)
	return w
}

func (w *stage) close() {
	for _, a := range w.sessions {
		a.cancel()
		if a.busy {
			<-a.result
		}
		a.b.Close()
	}
	w.n.stop()
}

func (w *stage) session(name string) *actor {
	a := w.sessions[name]
	if a == nil {
		a = &actor{name: name, b: w.n.backend(), marks: map[string]Savepoint{}, result: make(chan string, 1)}
		a.ctx, a.cancel = context.WithCancel(context.Background())
		w.sessions[name] = a
	}
	return a
}

func (w *stage) play(script string) string {
	var out strings.Builder
	for _, line := range strings.Split(script, "\n") {
		name, cmd, ok := strings.Cut(line, ": ")
		if !ok {
			fmt.Fprintf(&out, "what is %q?\n", line)
			continue
		}
		a := w.session(name)
		if cmd == "cancel" {
			a.cancel()
			a.ctx, a.cancel = context.WithCancel(context.Background())
		} else if a.busy {
			fmt.Fprintf(&out, "%s is still busy\n", name)
			continue
		} else {
			a.busy = true
			ctx := a.ctx
			go func() { a.result <- w.run(ctx, a, strings.Fields(cmd)) }()
		}
		w.settle(&out, a)
	}
	return out.String()
}

// settle prints the results of all sessions that come to an end, the given one's first, until all others wait.
func (w *stage) settle(out *strings.Builder, first *actor) {
	var names []string
	for name := range w.sessions {
		if name != first.name {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var later []string
	for _, name := range append([]string{first.name}, names...) {
		a := w.sessions[name]
		if !a.busy {
			continue
		}
		var line string
		since := time.Now()
		for line == "" {
			select {
			case r := <-a.result:
				a.busy = false
				line = fmt.Sprintf("%s: %s\n", name, r)
			case <-time.After(time.Millisecond):
				// One who waits for longer than a deadlock would take to be found goes on waiting.
				if _, waits := w.n.Waiting(a.b.pid); waits && time.Since(since) > 60*time.Millisecond {
					line = "-"
					if a == first {
						line = fmt.Sprintf("%s: waits\n", name)
					}
				}
			}
		}
		if line == "-" {
			continue
		}
		if a == first {
			out.WriteString(line)
		} else {
			later = append(later, line)
		}
	}
	out.WriteString(strings.Join(later, ""))
}

// run carries a command out. Errors abort the transaction, as a session would make them.
func (w *stage) run(ctx context.Context, a *actor, f []string) string {
	res, err := w.command(ctx, a, f)
	if err == nil {
		return res
	}
	if a.tx != nil && len(a.marks) == 0 {
		a.tx.Rollback()
		a.tx = nil
	}
	var uv *UniqueViolation
	var pe *pgerr.Error
	switch {
	case errors.As(err, &uv):
		return fmt.Sprintf("23505 row %d has key %s of index %d", uv.Row, show(uv.Key), uv.Index)
	case errors.As(err, &pe):
		s := pe.Code + " " + pe.Message
		if pe.Detail != "" {
			s += "\n    " + strings.ReplaceAll(pe.Detail, "\n", "\n    ")
		}
		return s
	}
	return err.Error()
}

var rowModes = map[string]RowLockMode{"keyshare": ForKeyShare, "share": ForShare, "nokey": ForNoKeyUpdate, "update": ForUpdate}

var tableModes = map[string]TableLockMode{"AS": AccessShare, "RS": RowShare, "RX": RowExclusive, "SUX": ShareUpdateExclusive, "S": Share,
	"SRX": ShareRowExclusive, "X": Exclusive, "AX": AccessExclusive}

func (w *stage) command(ctx context.Context, a *actor, f []string) (string, error) {
	num := func(i int) int64 {
		n, _ := strconv.ParseInt(f[i], 10, 64)
		return n
	}
	wait := WaitBlock
	switch f[len(f)-1] {
	case "nowait":
		wait = WaitError
	case "skip":
		wait = WaitSkip
	}
	own := false // a command outside of a transaction is one of its own
	if a.tx == nil && f[0] != "begin" && f[0] != "session" && f[0] != "timeout" && f[0] != "unlock" {
		a.tx = a.b.Begin(TxnOptions{})
		own = true
	}
	res, err := func() (string, error) {
		switch f[0] {
		case "begin":
			opts := TxnOptions{}
			if len(f) > 1 && f[1] == "rr" {
				opts.Isolation = RepeatableRead
			}
			a.tx = a.b.Begin(opts)
			return "ok", nil
		case "commit":
			_, err := a.tx.Commit(ctx)
			a.tx, a.marks = nil, map[string]Savepoint{}
			return "committed", err
		case "rollback":
			if len(f) > 1 {
				a.tx.RollbackTo(a.marks[f[1]])
				return "ok", nil
			}
			a.tx.Rollback()
			a.tx, a.marks = nil, map[string]Savepoint{}
			return "rolled back", nil
		case "savepoint":
			a.marks[f[1]] = a.tx.Savepoint()
			return "ok", nil
		case "timeout":
			d, err := time.ParseDuration(f[1])
			a.b.LockTimeout = d
			return "ok", err
		case "insert":
			v := a.tx.Command()
			defer v.Release()
			id, err := a.tx.Insert(ctx, w.def, row(num(1), f[2], num(3)))
			return fmt.Sprintf("row %d", id), err
		case "upsert":
			v := a.tx.Command()
			defer v.Release()
			next := row(num(1), f[2], num(3))
			c, found, err := a.tx.FindConflict(ctx, w.def, next, nil)
			if err != nil {
				return "", err
			}
			if found {
				return fmt.Sprintf("conflict with row %d", c.Row), nil
			}
			id, err := a.tx.Insert(ctx, w.def, next)
			return fmt.Sprintf("row %d", id), err
		case "set", "delete", "lock", "add":
			return w.change(ctx, a, f, num, wait)
		case "select":
			v := a.tx.Command()
			defer v.Release()
			return strings.Join(scanRows(panicker{}, v, w.def, 0, false), " "), nil
		case "table":
			ok, err := a.tx.Lock(ctx, 5, w.def.Table, tableModes[f[1]], wait)
			return fmt.Sprint(ok), err
		case "advisory":
			ok, err := a.tx.AdvisoryLock(ctx, AdvisoryKey{Database: 5, K1: num(1)}, f[2] == "shared", wait)
			return fmt.Sprint(ok), err
		case "session":
			ok, err := a.b.AdvisoryLock(ctx, AdvisoryKey{Database: 5, Class: 1, K1: num(1), K2: 7}, f[2] == "shared", wait)
			return fmt.Sprint(ok), err
		case "unlock":
			return fmt.Sprint(a.b.AdvisoryUnlock(AdvisoryKey{Database: 5, Class: 1, K1: num(1), K2: 7}, f[2] == "shared")), nil
		case "locks":
			var lines []string
			for _, l := range w.n.Locks() {
				if l.Type == "virtualxid" {
					continue
				}
				s := fmt.Sprintf("    pid %d %s %s", l.PID, l.Type, l.Mode)
				if l.XID != 0 {
					s += fmt.Sprintf(" xid %d", l.XID)
				}
				if l.Relation != 0 {
					s += fmt.Sprintf(" relation %d", l.Relation)
				}
				if l.Row != 0 {
					s += fmt.Sprintf(" row %d", l.Row)
				}
				if !l.Granted {
					s += " (waits)"
				}
				lines = append(lines, s)
			}
			sort.Strings(lines)
			return "\n" + strings.Join(lines, "\n"), nil
		}
		return "", fmt.Errorf("what is %q?", f)
	}()
	if own && a.tx != nil {
		if err == nil {
			_, err = a.tx.Commit(ctx)
		} else {
			a.tx.Rollback()
		}
		a.tx = nil
	}
	return res, err
}

// change is UPDATE, DELETE or SELECT FOR of the row with an id, with PostgreSQL's re-check after a wait.
func (w *stage) change(ctx context.Context, a *actor, f []string, num func(int) int64, wait WaitPolicy) (string, error) {
	v := a.tx.Command()
	defer v.Release()
	id := num(1)
	r, found, err := v.LookupUnique(w.def, 0, w.def.Indexes[0].AppendKeyPart(nil, 0, types.Int(id)))
	if err != nil || !found {
		return "no row", err
	}
	mode := ForNoKeyUpdate
	if f[0] == "delete" || f[0] == "set" && num(2) != id {
		mode = ForUpdate
	}
	if f[0] == "lock" {
		mode = rowModes[f[2]]
	}
	out, err := a.tx.LockRow(ctx, v, w.def, r, mode, wait, "users")
	if err != nil {
		return "", err
	}
	note := ""
	old := make([]types.Datum, 3)
	switch out {
	case Skipped:
		return "skipped", nil
	case Deleted:
		return "no row (deleted meanwhile)", nil
	case Updated:
		note = " (updated meanwhile)"
	}
	if found, err := a.tx.Latest(w.def, w.def.Decoder(), r, old); err != nil || !found {
		return "", fmt.Errorf("locked, but not there: %v", err)
	}
	if old[0].I != id {
		return "no row (its key changed meanwhile)", nil
	}
	switch f[0] {
	case "lock":
		return show(old) + note, nil
	case "delete":
		return "deleted" + note, a.tx.Delete(ctx, w.def, r)
	case "add":
		next := row(id, old[1].S, old[2].I+num(2))
		return show(next) + note, a.tx.Update(ctx, w.def, r, old, next)
	}
	next := row(num(2), f[3], num(4))
	return show(next) + note, a.tx.Update(ctx, w.def, r, old, next)
}

// panicker lets helpers that want a test run on other goroutines.
type panicker struct{}

func (panicker) Helper()                   {}
func (panicker) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (panicker) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
