package exec

import (
	"math/rand/v2"
	"strings"
	"testing"

	"kimberlite/sql/types"
)

// TestKept reads rows in all directions while they are added, with and without a file.
func TestKept(t *testing.T) {
	for _, workMem := range []int64{1, 100 << 10, 1 << 30} {
		cols := []types.T{types.Of(types.OIDInt4), types.Of(types.OIDText)}
		k := NewKept(&Context{WorkMem: workMem, TempDir: t.TempDir()}, nil, cols)
		text := func(i int) string { return strings.Repeat("x", i%50) }
		check := func(i int) {
			t.Helper()
			row := make([]types.Datum, 2)
			if err := k.Row(i, row); err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 != row[1].Null || row[0].I != int64(i) || !row[1].Null && row[1].S != text(i) {
				t.Fatalf("work_mem %d: row %d is %v", workMem, i, row)
			}
		}
		rng := rand.New(rand.NewPCG(1, uint64(workMem)))
		for k.Len() < 20000 {
			b := &types.Batch{Cols: []*types.Vec{types.NewVec(cols[0], types.Fixed), types.NewVec(cols[1], types.Bytes)}}
			for range 1 + rng.IntN(types.BatchRows) {
				i := k.Len() + b.N
				b.Cols[0].Append(types.Int(int64(i)))
				if i%7 == 0 {
					b.Cols[1].Append(types.NullDatum)
				} else {
					b.Cols[1].Append(types.Str(text(i)))
				}
				b.N++
			}
			if err := k.Append(b); err != nil {
				t.Fatal(err)
			}
			for range 20 {
				check(rng.IntN(k.Len()))
			}
			check(k.Len() - 1)
		}
		for i := range k.Len() {
			check(i)
		}
		for i := k.Len() - 1; i >= 0; i -= 100 {
			check(i)
		}
		if (k.file != nil) != (workMem < 1<<30) {
			t.Errorf("work_mem %d: wrong use of a file", workMem)
		}
		k.Close()
	}
}
