package txn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand"
	randv2 "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/consensus"
	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Money moves between accounts from many sessions, with deadlocks, rollbacks and savepoints. At every moment every snapshot has the same sum.
func TestConcurrentTransfers(t *testing.T) {
	n := newNode(t, Options{DeadlockTimeout: 5 * time.Millisecond})
	def := usersTable(100, 1000)
	n.create(t, def)
	const accounts, start = 8, 100
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	tx.Command().Release()
	for i := int64(1); i <= accounts; i++ {
		_, err := tx.Insert(ctx, def, row(i, "acc", start))
		must(t, err)
	}
	_, err := tx.Commit(ctx)
	must(t, err)

	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	for k := 0; k < 6; k++ {
		b := n.backend()
		rng := rand.New(rand.NewSource(int64(k)))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 80; i++ {
				opts := TxnOptions{}
				if rng.Intn(3) == 0 {
					opts.Isolation = RepeatableRead
				}
				err := transfer(t, b, def, rng, opts)
				name := "ok"
				var pe *pgerr.Error
				if errors.As(err, &pe) {
					name = pe.Code
				} else if err != nil {
					name = err.Error()
				}
				mu.Lock()
				counts[name]++
				mu.Unlock()
			}
			b.Close()
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	b = n.backend()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		tx := b.Begin(TxnOptions{})
		v := tx.Command()
		sum := int64(0)
		s := v.Rows(def, projections.NewRowDecoder(def, []int{3}), 0, projections.RowMax, false)
		batch := &types.Batch{Cols: []*types.Vec{types.NewVec(types.Of(types.OIDInt4), types.Fixed)}}
		k, err := s.Next(batch, 0)
		must(t, err)
		for i := 0; i < k; i++ {
			sum += batch.Cols[0].Fix[i]
		}
		must(t, s.Close())
		if sum != accounts*start || k != accounts {
			t.Fatalf("at position %d there is %d in %d accounts", v.Position(), sum, k)
		}
		v.Release()
		tx.Rollback()
	}
	for name := range counts {
		if name != "ok" && name != pgerr.DeadlockDetected && name != pgerr.SerializationFailure && name != "changed my mind" {
			t.Errorf("errors: %v", counts)
		}
	}
	if counts["ok"] < 50 {
		t.Errorf("hardly anything went through: %v", counts)
	}
	if _, err := n.store.Verify(ctx, nil); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if len(n.Locks()) > 0 || len(n.Transactions()) > 0 {
		t.Errorf("left: %v %v", n.Locks(), n.Transactions())
	}
	n.stop()
}

// transfer moves an amount from one account to another.
func transfer(t *testing.T, b *Backend, def *projections.TableDef, rng *rand.Rand, opts TxnOptions) error {
	tx := b.Begin(opts)
	defer tx.Rollback()
	amount := int64(rng.Intn(10))
	from, to := rng.Int63n(8)+1, rng.Int63n(8)+1
	mark := tx.Savepoint()
	for i, step := range []struct{ id, by int64 }{{from, 1000}, {from, -amount}, {to, amount}} {
		v := tx.Command()
		r, found, err := v.LookupUnique(def, 0, def.Indexes[0].AppendKeyPart(nil, 0, types.Int(step.id)))
		if err != nil || !found {
			v.Release()
			return fmt.Errorf("no account: %v", err)
		}
		out, err := tx.LockRow(ctx, v, def, r, ForNoKeyUpdate, WaitBlock, "acc")
		v.Release()
		if err != nil {
			return err
		}
		if out != Unchanged && out != Updated {
			return fmt.Errorf("outcome %d", out)
		}
		old := make([]types.Datum, 3)
		if _, err := tx.Latest(def, def.Decoder(), r, old); err != nil {
			return err
		}
		if err := tx.Update(ctx, def, r, old, row(step.id, "acc", old[2].I+step.by)); err != nil {
			return err
		}
		if i == 0 { // a mistake
			tx.RollbackTo(mark)
			tx.Release(mark)
		}
	}
	if rng.Intn(5) == 0 {
		return errors.New("changed my mind")
	}
	_, err := tx.Commit(ctx)
	return err
}

// Values, ids and OIDs are never given twice, whatever crashes come in between.
func TestNoNumberTwice(t *testing.T) {
	for seed := int64(1); seed <= 10; seed++ {
		rng := rand.New(rand.NewSource(seed))
		fs := vfs.NewCrashableMem()
		n := openNode(t, fs, Options{})
		var kept []log.Event // the log survives crashes, all of it: that is its own package's business
		def := &SequenceDef{OID: 500, Name: "s", Start: 1, Increment: 1, Min: 1, Max: math.MaxInt64}
		last := int64(0)
		xids, oids := map[uint64]bool{}, map[types.OID]bool{}
		for round := 0; round < 6; round++ {
			b := n.backend()
			for i := rng.Intn(200); i > 0; i-- {
				v, c, err := n.Nextval(ctx, def, int64(rng.Intn(3)))
				must(t, err)
				if v <= last {
					t.Fatalf("seed %d: nextval gave %d after %d", seed, v, last)
				}
				last = v + c - 1
				oid, err := n.NewOID(ctx)
				must(t, err)
				if oids[oid] || oid < firstOID {
					t.Fatalf("OID %d twice", oid)
				}
				oids[oid] = true
				if rng.Intn(4) == 0 {
					tx := b.Begin(TxnOptions{})
					xid, err := tx.XID(ctx, true)
					must(t, err)
					if xids[xid] {
						t.Fatalf("xid %d twice", xid)
					}
					xids[xid] = true
					tx.Rollback()
				}
			}
			b.Close()
			clean := rng.Intn(2) == 0
			if clean {
				must(t, n.Close(ctx))
			}
			n.group.mu.Lock() // whatever is being logged in the background has been, or will not be
			kept = append(kept, n.group.events...)
			n.group.events = nil
			n.group.fail = func(log.Kind) error { return consensus.ErrStopped }
			n.group.mu.Unlock()
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.Intn(101), RNG: randv2.New(randv2.NewPCG(uint64(seed), 2))})
			n.stop()
			fs = crashed
			n = restart(t, fs, kept)
			if clean {
				v, _, err := n.Nextval(ctx, def, 1)
				must(t, err)
				if v != last+1 && last > 0 {
					t.Fatalf("seed %d: a clean restart skipped from %d to %d", seed, last, v)
				}
				last = v
			}
		}
		n.stop()
	}
}

// restart opens a store, replays the log into it, and starts a manager.
func restart(t *testing.T, fs vfs.FS, events []log.Event) *node {
	t.Helper()
	group := &memGroup{keep: true, events: events}
	store, err := projections.Open(projections.Options{FS: fs, Dir: "db", Events: group})
	must(t, err)
	group.p = projections.NewProjector(store, projections.ProjectorOptions{})
	must(t, group.p.Apply(events))
	n := &node{group: group, store: store, fs: fs, pid: 1000}
	n.Manager, err = NewManager(Options{Store: store, Proposer: n.group})
	must(t, err)
	must(t, n.Start(ctx))
	return n
}

func message(err error) string {
	var pe *pgerr.Error
	if errors.As(err, &pe) {
		return pe.Message
	}
	return fmt.Sprint(err)
}

func TestSequenceEnds(t *testing.T) {
	n := newNode(t, Options{})
	next := func(def *SequenceDef, count int64) string {
		v, c, err := n.Nextval(ctx, def, count)
		if err != nil {
			return message(err)
		}
		return fmt.Sprintf("%d x%d", v, c)
	}
	for _, c := range []struct {
		def  SequenceDef
		n    int64
		want []string
	}{
		{SequenceDef{Name: "a", Start: 1, Increment: 1, Min: 1, Max: 3}, 1, []string{"1 x1", "2 x1", "3 x1",
			`nextval: reached maximum value of sequence "a" (3)`, `nextval: reached maximum value of sequence "a" (3)`}},
		{SequenceDef{Name: "b", Start: 1, Increment: 2, Min: 0, Max: 5, Cycle: true}, 2, []string{"1 x2", "5 x1", "0 x2", "4 x1", "0 x2"}},
		{SequenceDef{Name: "c", Start: -1, Increment: -3, Min: -8, Max: -1}, 5, []string{"-1 x3", `nextval: reached minimum value of sequence "c" (-8)`}},
		{SequenceDef{Name: "d", Start: -2, Increment: -3, Min: -8, Max: -1, Cycle: true}, 1, []string{"-2 x1", "-5 x1", "-8 x1", "-1 x1"}},
		{SequenceDef{Name: "e", Start: math.MaxInt64 - 1, Increment: math.MaxInt64, Min: math.MinInt64, Max: math.MaxInt64, Cycle: true}, 9,
			[]string{"9223372036854775806 x1", "-9223372036854775808 x3", "-9223372036854775808 x3"}},
		{SequenceDef{Name: "f", Start: math.MinInt64 + 1, Increment: math.MinInt64, Min: math.MinInt64, Max: math.MaxInt64, Cycle: true}, 9,
			[]string{"-9223372036854775807 x1", "9223372036854775807 x2"}},
	} {
		c.def.OID = 600 + types.OID(c.def.Name[0])
		var got []string
		for range c.want {
			got = append(got, next(&c.def, c.n))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("sequence %s gives %q, not %q", c.def.Name, got, c.want)
		}
	}
	def := &SequenceDef{OID: 800, Name: "s", Start: 5, Increment: 1, Min: 1, Max: 100}
	if last, called, err := n.SequenceState(def); last != 5 || called || err != nil {
		t.Errorf("a new sequence is at %d %v (%v)", last, called, err)
	}
	must(t, n.Setval(ctx, def, 10, true))
	if s := next(def, 1); s != "11 x1" {
		t.Errorf("after setval %s", s)
	}
	must(t, n.Setval(ctx, def, 10, false))
	if s := next(def, 1); s != "10 x1" {
		t.Errorf("after setval %s", s)
	}
	if err := n.Setval(ctx, def, 101, true); message(err) != `setval: value 101 is out of bounds for sequence "s" (1..100)` {
		t.Errorf("setval out of bounds: %v", err)
	}
	// RESTART in a transaction: seen by it at once, by others when it is committed, by nobody when it is not.
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	tx.SetSequence(projections.SequenceState{Sequence: def.OID, Last: 50})
	mark := tx.Savepoint()
	if v, _, err := tx.Nextval(ctx, def, 1); v != 50 || err != nil {
		t.Errorf("in the transaction %d (%v)", v, err)
	}
	tx.RollbackTo(mark)
	if s := next(def, 1); s != "11 x1" {
		t.Errorf("outside %s", s)
	}
	if v, _, err := tx.Nextval(ctx, def, 1); v != 50 || err != nil {
		t.Errorf("after ROLLBACK TO %d (%v)", v, err)
	}
	_, err := tx.Commit(ctx)
	must(t, err)
	if s := next(def, 1); s != "51 x1" {
		t.Errorf("after the commit %s", s)
	}
	tx = b.Begin(TxnOptions{})
	tx.SetSequence(projections.SequenceState{Sequence: def.OID, Last: 1})
	tx.Rollback()
	if s := next(def, 1); s != "52 x1" {
		t.Errorf("after a rollback %s", s)
	}
	n.stop()
}

// A sequence used from many sessions, prefetching in the background.
func TestSequenceConcurrent(t *testing.T) {
	n := newNode(t, Options{})
	def := &SequenceDef{OID: 500, Name: "s", Start: 1, Increment: 1, Min: 1, Max: math.MaxInt64}
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for k := 0; k < 4; k++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 2000; i++ {
				v, _, err := n.Nextval(ctx, def, 1)
				mu.Lock()
				if err != nil || seen[v] {
					t.Errorf("value %d (%v)", v, err)
				}
				seen[v] = true
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	for v := int64(1); v <= 8000; v++ {
		if !seen[v] {
			t.Fatalf("value %d was left out", v)
		}
	}
	must(t, n.Close(ctx))
	n.stop()
}

// What the client is told when the log does not take the event.
func TestCommitErrors(t *testing.T) {
	n := newNode(t, Options{})
	def := usersTable(100, 1000)
	n.create(t, def)
	b := n.backend()
	for _, c := range []struct {
		err  error
		code string
	}{
		{consensus.ErrOutcomeUnknown, pgerr.TransactionResolutionUnknown}, {consensus.ErrNotLeader, pgerr.SerializationFailure},
		{consensus.ErrProposalDropped, pgerr.SerializationFailure}, {consensus.ErrStopped, pgerr.AdminShutdown},
		{fmt.Errorf("append: %w", log.ErrDiskFull), pgerr.DiskFull}, {errors.New("lightning"), pgerr.IoError},
	} {
		n.group.fail = func(log.Kind) error { return c.err }
		tx := b.Begin(TxnOptions{})
		tx.Command().Release()
		_, err := tx.Insert(ctx, def, row(1, "x", 1))
		must(t, err)
		xid, _ := tx.XID(ctx, false)
		var ended []bool
		tx.OnEnd(func(ok bool) { ended = append(ended, ok) })
		_, err = tx.Commit(ctx)
		var pe *pgerr.Error
		if !errors.As(err, &pe) || pe.Code != c.code || !errors.Is(err, c.err) {
			t.Errorf("%v becomes %v", c.err, err)
		}
		n.group.fail = nil
		if st, err := n.XactStatus(xid); st != XactAborted || err != nil {
			t.Errorf("after %v the transaction is %s (%v)", c.err, st, err)
		}
		if !slices.Equal(ended, []bool{false}) || len(n.Locks()) > 0 {
			t.Errorf("after %v: hooks %v, locks %v", c.err, ended, n.Locks())
		}
	}
	tx := b.Begin(TxnOptions{})
	xid, err := tx.XID(ctx, true)
	must(t, err)
	if st, _ := n.XactStatus(xid); st != XactInProgress {
		t.Errorf("the transaction is %s", st)
	}
	tx.Notify("c", "p")
	tx.Notify("c", "p")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = tx.Commit(canceled) // a commit that has begun is not stopped by that
	must(t, err)
	if st, _ := n.XactStatus(xid); st != XactCommitted {
		t.Errorf("the transaction is %s", st)
	}
	if _, err := n.XactStatus(1 << 40); err == nil {
		t.Error("the future is known")
	}
	n.stop()
}

// An event proposed in another view than the locks were held in is void, and the client is told to retry.
func TestViewChange(t *testing.T) {
	view := uint64(2) // memGroup's events are of view 1
	n := newNode(t, Options{View: func() uint64 { return view }})
	def := usersTable(100, 1000)
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	tx.PutTable(def.Table, def)
	var pe *pgerr.Error
	if _, err := tx.Commit(ctx); !errors.As(err, &pe) || pe.Code != pgerr.SerializationFailure {
		t.Fatalf("commit says %v", err)
	}
	view = 1
	tx = b.Begin(TxnOptions{})
	tx.PutTable(def.Table, def)
	_, err := tx.Commit(ctx)
	must(t, err)
	n.stop()
}

// Deferrable uniqueness: rows may share a key in between, not at the check.
func TestDeferredUnique(t *testing.T) {
	n := newNode(t, Options{})
	def := usersTable(100, 1000)
	def.Indexes[0].Deferrable = true
	n.create(t, def)
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	v := tx.Command()
	for i := int64(1); i <= 3; i++ {
		_, err := tx.Insert(ctx, def, row(i, "x", 0))
		must(t, err)
	}
	v.Release()
	_, err := tx.Commit(ctx)
	must(t, err)
	move := func(tx *Txn, r projections.RowID, id int64) {
		v := tx.Command()
		defer v.Release()
		_, err := tx.LockRow(ctx, v, def, r, ForUpdate, WaitBlock, "t")
		must(t, err)
		must(t, tx.Update(ctx, def, r, nil, row(id, "y", 0)))
	}
	tx = b.Begin(TxnOptions{}) // everybody moves one up, in the order that would fail if checked at once
	move(tx, 1, 2)
	move(tx, 2, 3)
	var uv *UniqueViolation
	if err := tx.CheckDeferredUnique(ctx, nil); !errors.As(err, &uv) || uv.Key[0].I != 3 {
		t.Fatalf("the check says %v", err)
	}
	move(tx, 3, 1)
	must(t, tx.CheckDeferredUnique(ctx, func(types.OID) bool { return false }))
	if !tx.DeferredUnique() {
		t.Fatal("nothing is left to check")
	}
	_, err = tx.Commit(ctx)
	must(t, err)
	if _, err := n.store.Verify(ctx, nil); err != nil {
		t.Fatal(err)
	}
	tx = b.Begin(TxnOptions{})
	move(tx, 1, 1)
	if _, err = tx.Commit(ctx); !errors.As(err, &uv) || uv.Row != 3 {
		t.Fatalf("the commit says %v", err)
	}
	tx = b.Begin(TxnOptions{})
	v = tx.Command()
	defer v.Release()
	must2 := func(s []string, want string) {
		t.Helper()
		if fmt.Sprint(s) != want {
			t.Fatalf("the table is %v, not %s", s, want)
		}
	}
	must2(scanRows(t, v, def, 0, false), "[1:2,y,0 2:3,y,0 3:1,y,0]")
	tx.Rollback()
}

// CREATE UNIQUE INDEX finds duplicates among committed and own rows.
func TestPrepareIndexUnique(t *testing.T) {
	n := newNode(t, Options{})
	def := usersTable(100, 1000)
	n.create(t, def)
	b := n.backend()
	tx := b.Begin(TxnOptions{})
	tx.Command().Release()
	for i := int64(1); i <= 3; i++ {
		_, err := tx.Insert(ctx, def, row(i, fmt.Sprint("n", i), 0))
		must(t, err)
	}
	_, err := tx.Commit(ctx)
	must(t, err)
	next := *def
	next.Indexes = append(slices.Clone(def.Indexes), projections.IndexDef{Index: 110, Storage: 1010, Unique: true, Parts: []projections.IndexPart{{Att: 2, Key: types.OIDText}}})
	tx = b.Begin(TxnOptions{})
	tx.Command().Release()
	must(t, tx.PrepareIndex(ctx, &next, 2))
	var uv *UniqueViolation
	if _, err := tx.Insert(ctx, &next, row(9, "n2", 0)); !errors.As(err, &uv) || uv.Row != 2 || uv.Index != 2 {
		t.Fatalf("the insert says %v", err)
	}
	tx.Rollback()
	tx = b.Begin(TxnOptions{})
	tx.Command().Release()
	_, err = tx.Insert(ctx, def, row(9, "n2", 0))
	must(t, err)
	if err := tx.PrepareIndex(ctx, &next, 2); !errors.As(err, &uv) || uv.Key[0].S != "n2" {
		t.Fatalf("PrepareIndex says %v", err)
	}
	tx.Rollback()
	n.stop()
}
