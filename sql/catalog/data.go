package catalog

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"kimberlite/sql/types"
)

// dataTable is a file of generated rows. The text stays where the executable has it; only the offsets of the lines are kept, once somebody asks.
type dataTable struct {
	file string
	once sync.Once
	text string
	rows []uint32 // offset of each line
}

var dataTables sync.Map // file name -> *dataTable

// data returns the generated table with the name.
func data(file string) *dataTable {
	if t, ok := dataTables.Load(file); ok {
		return t.(*dataTable)
	}
	t, _ := dataTables.LoadOrStore(file, &dataTable{file: file})
	return t.(*dataTable)
}

func (t *dataTable) load() {
	t.once.Do(func() {
		t.text = *dataFiles[t.file]
		t.rows = make([]uint32, 0, strings.Count(t.text, "\n"))
		for at := 0; at < len(t.text); {
			t.rows = append(t.rows, uint32(at))
			at += strings.IndexByte(t.text[at:], '\n') + 1
		}
	})
}

// len is the number of rows.
func (t *dataTable) len() int {
	t.load()
	return len(t.rows)
}

// row returns a reader of row i's fields.
func (t *dataTable) row(i int) dataRow {
	t.load()
	end := len(t.text) - 1
	if i+1 < len(t.rows) {
		end = int(t.rows[i+1]) - 1
	}
	return dataRow{t.text[t.rows[i]:end]}
}

// dataRow reads the fields of a row from left to right.
type dataRow struct{ rest string }

// raw returns the next field as COPY wrote it.
func (r *dataRow) raw() string {
	i := strings.IndexByte(r.rest, '\t')
	if i < 0 {
		s := r.rest
		r.rest = ""
		return s
	}
	s := r.rest[:i]
	r.rest = r.rest[i+1:]
	return s
}

func (r *dataRow) skip(n int) {
	for range n {
		r.raw()
	}
}

// text returns the next field; NULL reads as empty.
func (r *dataRow) text() string {
	s, _ := r.textNull()
	return s
}

func (r *dataRow) textNull() (s string, null bool) {
	s = r.raw()
	if s == `\N` {
		return "", true
	}
	if strings.IndexByte(s, '\\') >= 0 {
		s = uncopy(s)
	}
	return s, false
}

func (r *dataRow) oid() types.OID { return types.OID(r.int()) }

func (r *dataRow) int() int64 { return atoi(r.raw()) }

func (r *dataRow) bool() bool { return r.raw() == "t" }

func (r *dataRow) char() byte {
	if s := r.raw(); s != "" && s != `\N` {
		return s[0]
	}
	return 0
}

func (r *dataRow) float() float32 {
	f, _ := strconv.ParseFloat(r.raw(), 32)
	return float32(f)
}

// oids reads an oidvector or an oid array.
func (r *dataRow) oids() []types.OID { return parseOIDs(r.raw()) }

func parseOIDs(s string) []types.OID {
	s = strings.Trim(s, "{}")
	if s == "" || s == `\N` {
		return nil
	}
	out := make([]types.OID, 0, strings.Count(s, " ")+strings.Count(s, ",")+1)
	for s != "" {
		i := strings.IndexAny(s, " ,")
		if i < 0 {
			i = len(s)
		}
		out = append(out, types.OID(atoi(s[:i])))
		s = strings.TrimLeft(s[i:], " ,")
	}
	return out
}

// strings reads a text array without nested quotes.
func (r *dataRow) strings() []string {
	s := r.text()
	if len(s) < 2 {
		return nil
	}
	s = s[1 : len(s)-1]
	if s == "" {
		return []string{}
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], `"`)
	}
	return parts
}

// atoi reads the decimal numbers of our own files; NULL and anything malformed read as 0 and fail the tests.
func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// uncopy undoes COPY's escapes.
func uncopy(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'r':
			b = append(b, '\r')
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'v':
			b = append(b, '\v')
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// field returns column col (from 0) of row i.
func (t *dataTable) field(i, col int) string {
	r := t.row(i)
	r.skip(col)
	return r.text()
}

// intIndex finds rows by a number in one column.
type intIndex struct {
	once sync.Once
	keys []uint32 // ascending
	rows []uint32
}

// find returns the rows whose column col is key, in file order.
func (x *intIndex) find(t *dataTable, col int, key types.OID) []uint32 {
	x.once.Do(func() {
		n := t.len()
		x.keys, x.rows = make([]uint32, n), make([]uint32, n)
		keys := make([]uint32, n)
		for i := range n {
			r := t.row(i)
			r.skip(col)
			keys[i] = uint32(r.int())
			x.rows[i] = uint32(i)
		}
		slices.SortStableFunc(x.rows, func(a, b uint32) int { return int(int64(keys[a]) - int64(keys[b])) })
		for i, r := range x.rows {
			x.keys[i] = keys[r]
		}
	})
	lo, _ := slices.BinarySearch(x.keys, uint32(key))
	hi := lo
	for hi < len(x.keys) && x.keys[hi] == uint32(key) {
		hi++
	}
	return x.rows[lo:hi]
}

// one returns the only row with the key, or -1.
func (x *intIndex) one(t *dataTable, col int, key types.OID) int {
	if rows := x.find(t, col, key); len(rows) > 0 {
		return int(rows[0])
	}
	return -1
}

// textIndex finds rows by a text in one column.
type textIndex struct {
	once sync.Once
	rows []uint32 // ordered by the text, then by file order
}

func (x *textIndex) find(t *dataTable, col int, key string) []uint32 {
	x.once.Do(func() {
		n := t.len()
		x.rows = make([]uint32, n)
		keys := make([]string, n)
		for i := range n {
			x.rows[i] = uint32(i)
			keys[i] = t.field(i, col)
		}
		slices.SortStableFunc(x.rows, func(a, b uint32) int { return strings.Compare(keys[a], keys[b]) })
	})
	lo, _ := slices.BinarySearchFunc(x.rows, key, func(r uint32, k string) int { return strings.Compare(t.field(int(r), col), k) })
	hi := lo
	for hi < len(x.rows) && t.field(int(x.rows[hi]), col) == key {
		hi++
	}
	return x.rows[lo:hi]
}

func utoa(oid types.OID) string { return strconv.FormatUint(uint64(oid), 10) }
