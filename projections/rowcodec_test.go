package projections

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"kimberlite/sql/types"
)

var columnTypes = []ColumnDef{
	{Type: types.OIDBool}, {Type: types.OIDChar}, {Type: types.OIDInt2}, {Type: types.OIDInt4}, {Type: types.OIDDate}, {Type: types.OIDOid},
	{Type: types.OIDInt8}, {Type: types.OIDFloat8}, {Type: types.OIDText, Class: types.Bytes}, {Type: types.OIDNumeric, Class: types.Bytes},
}

// value draws a datum that fits the column.
func value(t *rapid.T, c ColumnDef) types.Datum {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return types.NullDatum
	}
	if c.Class == types.Bytes {
		n := rapid.SampledFrom([]int{0, 1, 10, 300, 70_000}).Draw(t, "len")
		return types.Str(strings.Repeat(rapid.StringN(1, 1, 1).Draw(t, "s"), n))
	}
	switch fixedKind(c.Type) {
	case colU8:
		return types.Int(int64(rapid.Byte().Draw(t, "v")))
	case colI16:
		return types.Int(int64(rapid.Int16().Draw(t, "v")))
	case colI32:
		return types.Int(int64(rapid.Int32().Draw(t, "v")))
	case colU32:
		return types.Int(int64(rapid.Uint32().Draw(t, "v")))
	}
	return types.Int(rapid.Int64().Draw(t, "v"))
}

// A row comes back as it went in: whole, any choice of columns, as datums and as vectors, and from a table that has got more columns since.
func TestRowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		def := &TableDef{}
		n := rapid.IntRange(0, 20).Draw(t, "columns")
		var row []types.Datum
		for i := 0; i < n; i++ {
			c := rapid.SampledFrom(columnTypes).Draw(t, "type")
			def.Columns = append(def.Columns, c)
			row = append(row, value(t, c))
		}
		image := NewRowEncoder(def).Append([]byte("before"), row)[len("before"):]

		later := &TableDef{Columns: append([]ColumnDef(nil), def.Columns...)}
		for i := rapid.IntRange(0, 3).Draw(t, "added"); i > 0; i-- {
			c := rapid.SampledFrom(columnTypes).Draw(t, "type")
			c.Missing = value(t, c)
			later.Columns = append(later.Columns, c)
			row = append(row, c.Missing)
		}
		for i := range later.Columns {
			if rapid.IntRange(0, 9).Draw(t, "drop") == 0 {
				later.Columns[i].Dropped = true
				row[i] = types.NullDatum
			}
		}
		atts := []int{}
		for i := rapid.IntRange(0, 5).Draw(t, "wanted"); i > 0 && len(row) > 0; i-- {
			atts = append(atts, rapid.IntRange(1, len(row)).Draw(t, "att"))
		}
		all := make([]types.Datum, len(row))
		if err := NewRowDecoder(later, nil).Datums(all, image); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			if all[i] != row[i] {
				t.Fatalf("column %d: %v became %v", i+1, row[i], all[i])
			}
		}
		dec := NewRowDecoder(later, atts)
		cols := make([]*types.Vec, len(atts))
		for i, att := range atts {
			cols[i] = types.NewVec(types.Of(later.Columns[att-1].Type), later.Columns[att-1].Class)
			cols[i].Resize(2)
		}
		var arena types.Arena
		if err := dec.Vecs(cols, 1, image, &arena); err != nil {
			t.Fatal(err)
		}
		some := make([]types.Datum, len(atts))
		if err := dec.SharedDatums(some, image); err != nil {
			t.Fatal(err)
		}
		for i, att := range atts {
			if cols[i].Datum(1) != row[att-1] || some[i] != row[att-1] {
				t.Fatalf("column %d: %v became %v and %v", att, row[att-1], cols[i].Datum(1), some[i])
			}
		}
	})
}

// The bytes of row images are frozen.
func TestRowFormat(t *testing.T) {
	def := &TableDef{Columns: columnTypes}
	datadriven.RunTest(t, "testdata/row.txt", func(t *testing.T, d *datadriven.TestData) string {
		var row []types.Datum
		for i, f := range strings.Fields(d.Input) {
			switch {
			case f == "-":
				row = append(row, types.NullDatum)
			case def.Columns[i].Class == types.Bytes:
				if n, err := strconv.Atoi(strings.TrimPrefix(f, "x*")); err == nil && strings.HasPrefix(f, "x*") {
					f = strings.Repeat("x", n)
				}
				row = append(row, types.Str(f))
			default:
				n, err := strconv.ParseInt(f, 10, 64)
				if err != nil {
					return err.Error()
				}
				row = append(row, types.Int(n))
			}
		}
		image := NewRowEncoder(def).Append(nil, row)
		s := hex.EncodeToString(image[:min(len(image), 100)])
		if len(image) > 100 {
			s += fmt.Sprintf("... %d bytes", len(image))
		}
		return s + "\n"
	})
}

func FuzzRowDecode(f *testing.F) {
	def := testTable(100, 200)
	f.Add(def.Encoder().Append(nil, testRow(1, "one", -1)))
	f.Add(def.Encoder().Append(nil, []types.Datum{types.NullDatum}))
	f.Fuzz(func(t *testing.T, image []byte) {
		row := make([]types.Datum, 3)
		if def.Decoder().Datums(row, image) != nil {
			return
		}
		// What is accepted can be written again and reads the same.
		again := make([]types.Datum, 3)
		if err := def.Decoder().Datums(again, def.Encoder().Append(nil, row)); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			if row[i] != again[i] {
				t.Fatalf("column %d: %v, then %v", i+1, row[i], again[i])
			}
		}
	})
}
