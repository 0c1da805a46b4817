package txn

import (
	"strings"
	"unsafe"

	"kimberlite/projections"
	"kimberlite/sql/types"
)

// version is one state of a row that a command of the transaction made.
type version struct {
	prev    *version
	image   []byte   // without a position; nil when deleted
	keys    []string // logical key by slot (see tableWrites.slots), "" where the row is not in the index
	cid     CommandID
	deleted bool
}

// rowWrites are the versions of one row, newest first.
type rowWrites struct {
	id   projections.RowID
	head *version
	// base: the row is there in the committed state, below the versions. Where an overlay is complete the committed version is in the
	// chain as well, with command 0 (see build.go), so that its keys are known.
	base bool
	// spilled: instead, the row is in a chunk, and the version at the bottom is what was spilled.
	spilled bool
}

// changed reports whether the transaction really wrote the row.
func (r *rowWrites) changed() bool { return !r.base || r.head.cid != 0 }

// visible returns the version that a command sees; nil when it sees none of them, but what is below.
func (r *rowWrites) visible(cid CommandID) *version {
	for v := r.head; v != nil; v = v.prev {
		if v.cid < cid {
			return v
		}
	}
	return nil
}

// overlayItem is an entry of an index that some version of a row in the write set has (or, in a complete overlay, a committed row).
// Whether it counts for a command is decided by the row's version that the command sees.
type overlayItem struct {
	key string
	row projections.RowID
}

// overlay holds the entries of one index that the store's index does not have.
type overlay struct {
	index projections.StorageID
	items list[overlayItem]
	// complete: the store's index is not looked at: it does not exist yet, or the table is temporary.
	complete bool
	// spilled is how many of the table's spilled chunks have their entries here.
	spilled int
	// pending: the entries of committed rows still have to be computed before the first use; see build.go.
	pending bool
}

func (o *overlay) seek(key string, row projections.RowID) (c, i int) {
	return o.items.seek(func(it *overlayItem) bool {
		if n := strings.Compare(it.key, key); n != 0 {
			return n < 0
		}
		return it.row < row
	})
}

func (o *overlay) add(key string, row projections.RowID) {
	if l := o.items.last(); l == nil || l.key < key || l.key == key && l.row < row {
		o.items.push(overlayItem{key, row})
		return
	}
	c, i := o.seek(key, row)
	if it := o.items.at(c, i); it != nil && it.key == key && it.row == row {
		return
	}
	o.items.insert(c, i, overlayItem{key, row})
}

func (o *overlay) drop(key string, row projections.RowID) {
	c, i := o.seek(key, row)
	if it := o.items.at(c, i); it != nil && it.key == key && it.row == row {
		o.items.remove(c, i)
	}
}

// tableWrites is the write set of one storage of rows.
type tableWrites struct {
	storage projections.StorageID
	temp    bool
	rows    list[rowWrites]
	// overlays are the table's indexes; their number here is the slot in version.keys.
	overlays []*overlay
	// def is the definition that slots was computed for: slots[i] is the slot of def.Indexes[i].
	def   *projections.TableDef
	slots []int
	// spilled are the chunks of this table that are in the log already, ascending by row ids; see spill.go.
	spilled []spilledChunk
	// nextRow hands out row ids of a temporary table.
	nextRow projections.RowID
	// small is room for what a table with few indexes needs, so that it takes no allocations of its own.
	small struct {
		slots    [4]int
		overlays [4]overlay
		pointers [4]*overlay
	}
	// loose: the memory of images and keys is not shared with the transaction's arena, because it outlives it.
	loose bool
}

// bind maps the definition's indexes to slots, adding slots for indexes not seen before.
func (w *tableWrites) bind(def *projections.TableDef) []int {
	if w.def == def && len(w.slots) == len(def.Indexes) {
		return w.slots
	}
	var slots []int
	if n := len(def.Indexes); w.def == nil && n <= len(w.small.slots) {
		slots = w.small.slots[:n]
		w.overlays = w.small.pointers[:0]
	} else {
		slots = make([]int, n)
	}
	for i := range def.Indexes {
		slots[i] = w.slot(def.Indexes[i].Storage)
		if slots[i] < 0 {
			slots[i] = len(w.overlays)
			o := new(overlay)
			if w.def == nil && i < len(w.small.overlays) {
				o = &w.small.overlays[i]
			}
			o.index, o.complete = def.Indexes[i].Storage, w.temp
			w.overlays = append(w.overlays, o)
		}
	}
	w.def, w.slots = def, slots
	return slots
}

func (w *tableWrites) slot(index projections.StorageID) int {
	for k, o := range w.overlays {
		if o.index == index {
			return k
		}
	}
	return -1
}

func (w *tableWrites) seek(id projections.RowID) (c, i int) {
	return w.rows.seek(func(r *rowWrites) bool { return r.id < id })
}

// find returns the row's versions, nil when the transaction did not write it.
func (w *tableWrites) find(id projections.RowID) *rowWrites {
	if l := w.rows.last(); l == nil || l.id < id {
		return nil
	}
	c, i := w.seek(id)
	if r := w.rows.at(c, i); r != nil && r.id == id {
		return r
	}
	return nil
}

// keyOf returns the version's key in a slot.
func (v *version) keyOf(slot int) string {
	if slot < len(v.keys) {
		return v.keys[slot]
	}
	return ""
}

// push puts a new version on top of a row. base says that a row not written before exists in the committed state.
func (w *tableWrites) push(id projections.RowID, base bool, v *version) {
	if l := w.rows.last(); l == nil || l.id < id {
		w.rows.push(rowWrites{id: id, head: v, base: base})
		return
	}
	c, i := w.seek(id)
	if r := w.rows.at(c, i); r != nil && r.id == id {
		v.prev = r.head
		r.head = v
		return
	}
	w.rows.insert(c, i, rowWrites{id: id, head: v, base: base})
}

// pop undoes the newest version of a row.
func (w *tableWrites) pop(id projections.RowID) {
	c, i := w.seek(id)
	r := w.rows.at(c, i)
	if r == nil || r.id != id {
		return
	}
	v := r.head
	r.head = v.prev
	w.dropKeys(r, v)
	if r.head == nil {
		w.rows.remove(c, i)
	}
}

// dropKeys takes the entries of a version that is gone out of the overlays, but those that another version of the row still has.
func (w *tableWrites) dropKeys(r *rowWrites, gone *version) {
	for slot, key := range gone.keys {
		if key == "" {
			continue
		}
		needed := false
		for v := r.head; v != nil; v = v.prev {
			if v.keyOf(slot) == key {
				needed = true
				break
			}
		}
		if !needed {
			w.overlays[slot].drop(key, r.id)
		}
	}
}

// trim forgets versions that no command can see any more: with one view open, that of the present command, those below the newest
// version that it sees.
func (w *tableWrites) trim(id projections.RowID, cid CommandID) {
	r := w.find(id)
	if r == nil {
		return
	}
	v := r.visible(cid)
	if v == nil || v.prev == nil {
		return
	}
	gone := v.prev
	v.prev = nil
	for ; gone != nil; gone = gone.prev {
		w.dropKeys(r, gone)
	}
}

// settle makes the newest version of a temporary table's row the only one, visible to all later commands.
func (w *tableWrites) settle(id projections.RowID) {
	c, i := w.seek(id)
	r := w.rows.at(c, i)
	if r == nil || r.id != id {
		return
	}
	old := r.head.prev
	r.head.prev = nil
	r.head.cid = 0
	for ; old != nil; old = old.prev {
		w.dropKeys(r, old)
	}
	if r.head.deleted {
		w.rows.remove(c, i)
	}
}

// memory is where a transaction's images and keys are cut from.
type memory struct {
	free     []byte
	size     int
	versions []version
	strings  []string
	bytes    int64 // handed out, with overheads
}

// room returns an empty slice with capacity for n bytes at least, to be appended to and given to keep.
func (m *memory) room(n int) []byte {
	if cap(m.free)-len(m.free) < n {
		m.size = min(max(2*m.size, arenaMin), arenaMax)
		m.free = make([]byte, 0, max(m.size, n))
	}
	return m.free[len(m.free):len(m.free)]
}

// keep takes what was appended to room's slice. It stays valid for the transaction; b may have been moved by append.
func (m *memory) keep(b []byte) []byte {
	m.bytes += int64(len(b))
	if cap(b) > 0 && cap(m.free) > len(m.free) && unsafe.SliceData(b) == unsafe.SliceData(m.free[len(m.free):cap(m.free)]) {
		m.free = m.free[:len(m.free)+len(b)]
		return b[:len(b):len(b)]
	}
	return b[:len(b):len(b)]
}

func (m *memory) newVersion() *version {
	if len(m.versions) == 0 {
		n := 1
		if m.bytes > arenaMin {
			n = 64
		}
		m.versions = make([]version, n)
	}
	v := &m.versions[0]
	m.versions = m.versions[1:]
	m.bytes += rowOverhead
	return v
}

func (m *memory) newStrings(n int) []string {
	if n == 0 {
		return nil
	}
	if len(m.strings) < n {
		size := n
		if m.bytes > arenaMin {
			size = max(n, 128)
		}
		m.strings = make([]string, size)
	}
	s := m.strings[:n:n]
	m.strings = m.strings[n:]
	m.bytes += int64(n) * entryOverhead
	return s
}

// text returns bytes that never change as a string.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is the reverse; the result must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// entries computes a row's keys for all indexes of a definition, by slot, and the values of included columns not at all: the store
// computes them from the image when the transaction is applied.
func (t *Txn) entries(w *tableWrites, set *projections.IndexSet, row []types.Datum, nulls []bool) (keys []string, err error) {
	if len(set.Codes) == 0 {
		return nil, nil
	}
	if w.loose {
		keys = make([]string, len(w.overlays))
	} else {
		keys = t.mem.newStrings(len(w.overlays))
	}
	var e projections.IndexEntry
	for i, code := range set.Codes {
		if t.keyBuf, err = code.Entry(t.keyBuf[:0], row, &e); err != nil {
			return nil, err
		}
		if e.Skip {
			continue
		}
		if nulls != nil {
			nulls[i] = e.Null
		}
		keys[w.slots[i]] = t.keepKey(w, e.Key)
	}
	return keys, nil
}

func (t *Txn) keepKey(w *tableWrites, key []byte) string {
	if w.loose {
		return string(key)
	}
	return text(t.mem.keep(append(t.mem.room(len(key)), key...)))
}
