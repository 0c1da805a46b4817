package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// VerifyProgress is told now and then while Verify runs.
type VerifyProgress struct {
	Table       types.OID // being checked
	Tables      int       // in all
	TablesDone  int
	Rows, Total int64 // checked, in all
}

// VerifyReport is what Verify found in order.
type VerifyReport struct {
	Position     log.Position
	Digest       Digest
	Tables       int
	Rows         int64
	IndexEntries int64
}

// VerifyError names the first thing that is wrong. errors.Is(err, ErrDiverged) holds.
type VerifyError struct {
	Table   types.OID
	Storage StorageID
	Index   types.OID // 0 when the rows themselves are wrong
	Row     RowID     // 0 when no single row is to blame
	Reason  string
}

// Error says what is wrong and what to do.
func (e *VerifyError) Error() string {
	what := fmt.Sprintf("table %d (storage %d)", e.Table, e.Storage)
	if e.Storage == 0 {
		what = "catalog"
	}
	if e.Index != 0 {
		what += fmt.Sprintf(", index %d", e.Index)
	}
	if e.Row != 0 {
		what += fmt.Sprintf(", row %d", e.Row)
	}
	return fmt.Sprintf("%v: %s: %s. Rebuild the projections with \"kimberlite-admin rebuild\"", ErrDiverged, what, e.Reason)
}

// Is makes every VerifyError match ErrDiverged.
func (e *VerifyError) Is(target error) bool { return target == ErrDiverged }

// Verify recomputes the digests of all tables from their rows and compares them with the records, and compares every index with the rows
// both ways; everything else is read. It works on a snapshot, beside everything else. The first difference is a *VerifyError.
func (s *Store) Verify(ctx context.Context, progress func(VerifyProgress)) (VerifyReport, error) {
	sn := s.Snapshot()
	defer sn.Release()
	v := &verifier{ctx: ctx, s: s, sn: sn, tell: progress}
	v.report.Position = sn.position
	err := v.run()
	return v.report, err
}

type verifier struct {
	ctx      context.Context
	s        *Store
	sn       *Snapshot
	tell     func(VerifyProgress)
	report   VerifyReport
	progress VerifyProgress
	scratch  []byte
}

func (v *verifier) run() error {
	recorded := map[StorageID]*tableDigest{}
	err := eachOf(v.sn.snap, []byte{spaceDigest}, []byte{spaceDigest + 1}, func(k, val []byte) error {
		d := new(tableDigest)
		recorded[StorageID(bigEndian32(k[1:]))] = d
		return d.decode(val)
	})
	if err != nil {
		return err
	}
	v.report.Digest = stateDigest(recorded)
	defs := map[StorageID]*TableDef{}
	err = eachOf(v.sn.snap, []byte{spaceTable}, []byte{spaceTable + 1}, func(_, val []byte) error {
		def, err := DecodeTableDef(append([]byte(nil), val...))
		if err == nil {
			defs[def.Storage] = def
		}
		return err
	})
	if err != nil {
		return err
	}
	for id, d := range recorded {
		if id != 0 {
			v.progress.Total += d.rows
		}
	}
	v.progress.Tables = len(recorded)
	if err := v.catalog(recorded[0]); err != nil {
		return err
	}
	for id, d := range recorded {
		if id == 0 {
			continue
		}
		if err := v.table(id, defs[id], d); err != nil {
			return err
		}
		v.progress.TablesDone++
		v.report.Tables++
	}
	return v.rest()
}

// rest reads what has no digest, so that the checksums of its blocks are looked at.
func (v *verifier) rest() error {
	for _, space := range []byte{spaceHistory, spaceDropped, spaceChunk, spaceMeta, spaceTime, spaceXact} {
		n := 0
		err := eachOf(v.sn.snap, []byte{space}, []byte{space + 1}, func(_, _ []byte) error {
			if n++; n%10_000 == 0 {
				return context.Cause(v.ctx)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) catalog(want *tableDigest) error {
	var have tableDigest
	for _, space := range []byte{spaceCatalog, spaceTable, spaceSequence} {
		err := eachOf(v.sn.snap, []byte{space}, []byte{space + 1}, func(k, val []byte) error {
			h, scratch := hashEntry(v.scratch, k, val)
			v.scratch = scratch
			have.add(&h)
			have.rows++
			return nil
		})
		if err != nil {
			return err
		}
	}
	if want == nil {
		want = &tableDigest{}
	}
	if have.rows != want.rows || have.sum != want.sum {
		return &VerifyError{Reason: fmt.Sprintf("%d descriptors do not have the recorded digest of %d", have.rows, want.rows)}
	}
	return nil
}

func (v *verifier) table(id StorageID, def *TableDef, want *tableDigest) error {
	fault := VerifyError{Storage: id}
	var set *IndexSet
	if def != nil {
		fault.Table, v.progress.Table = def.Table, def.Table
		var err error
		if set, err = def.IndexSet(v.s.opts.Evaluator); err != nil {
			return err
		}
	}
	var have tableDigest
	var counts []int64
	if set != nil {
		counts = make([]int64, len(set.Codes))
	}
	var row []types.Datum
	var entryBuf, keyBuf []byte
	lower := appendStorage(nil, spaceRow, id)
	err := eachOf(v.sn.snap, lower, prefixEnd(lower), func(k, val []byte) error {
		h, scratch := hashEntry(v.scratch, k, val)
		v.scratch = scratch
		have.add(&h)
		have.rows++
		v.progress.Rows++
		v.report.Rows++
		if have.rows%10_000 == 0 {
			if err := context.Cause(v.ctx); err != nil {
				return err
			}
			if v.tell != nil {
				v.tell(v.progress)
			}
		}
		if set == nil || len(set.Codes) == 0 {
			return nil
		}
		fault.Row = rowOfKey(k)
		_, image, err := splitValue(val)
		if err != nil {
			return err
		}
		if row, err = set.Row(row, image); err != nil {
			return err
		}
		for i, code := range set.Codes {
			var e IndexEntry
			if entryBuf, err = code.Entry(entryBuf[:0], row, &e); err != nil {
				return err
			}
			if e.Skip {
				continue
			}
			counts[i]++
			keyBuf = code.storedKey(keyBuf[:0], &e, fault.Row)
			keyEnd := len(keyBuf)
			keyBuf = code.storedValue(keyBuf, &e, fault.Row)
			if err := v.entry(&fault, code.Def.Index, keyBuf[:keyEnd], keyBuf[keyEnd:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fault.Row = 0
	if have.rows != want.rows {
		fault.Reason = fmt.Sprintf("it has %d rows, the digest is of %d", have.rows, want.rows)
		return &fault
	}
	if have.sum != want.sum {
		fault.Reason = "the rows do not have the recorded digest"
		return &fault
	}
	for i := range counts {
		if err := v.entries(&fault, set.Codes[i].Def, counts[i]); err != nil {
			return err
		}
	}
	return nil
}

// entry checks that the index has what the row wants it to have.
func (v *verifier) entry(fault *VerifyError, index types.OID, key, value []byte) error {
	got, closer, err := v.sn.snap.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		f := *fault
		f.Index, f.Reason = index, "the row has no entry"
		return &f
	}
	if err != nil {
		return readError(err)
	}
	same := bytes.Equal(got, value)
	if err := closer.Close(); err != nil {
		return err
	}
	if !same {
		f := *fault
		f.Index, f.Reason = index, "the row's entry has another value"
		return &f
	}
	return nil
}

// entries checks that the index has no entry besides those of the rows.
func (v *verifier) entries(fault *VerifyError, ix *IndexDef, want int64) error {
	n := int64(0)
	lower := appendStorage(nil, spaceIndex, ix.Storage)
	err := eachOf(v.sn.snap, lower, prefixEnd(lower), func(_, _ []byte) error {
		n++
		v.report.IndexEntries++
		return nil
	})
	if err != nil {
		return err
	}
	if n != want {
		f := *fault
		f.Index, f.Reason = ix.Index, fmt.Sprintf("it has %d entries for %d rows", n, want)
		return &f
	}
	return nil
}

func bigEndian32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
