package parser

// Folding: the rows of INSERT ... VALUES (..), (..), ... that look alike but for their literals become one row, with its parameters' values for
// each of them, so that bulk INSERTs of any length share a plan and need no parse tree. PostgreSQL brings each row to the types of the target columns on
// its own, so a row means the same alone.
//
// A column may have numbers of several types, and NULLs, in its rows; it gets the widest. That is only so where the literal is the whole field: as an
// assigned value it comes to the same, in an expression it might not.
type fold struct {
	off    bool
	failed bool // the rows differ; the statement may still be normalized as it is
	state  foldState
	field  bool // the next token begins a field of a row
	query  bool // a row contains a subquery

	rowAt    int // where the row at hand begins in buf
	first    int // and the first row
	end      int // of the first row
	rows     int // complete ones
	perRow   int
	skip     int    // literals before the row at hand, or before what follows the rows, that do not count for the numbers of parameters
	bareMark bool   // the next literal is a whole field
	bare     []bool // literals of the first row that are
}

type foldState uint8

const (
	foldBefore  foldState = iota
	foldBetween           // behind VALUES or a comma
	foldRow               // in a row
	foldAfter             // behind a row
	foldDone
)

// mark notes that the literal to come is a whole field.
func (f *fold) mark() {
	if f.state == foldRow {
		f.bareMark = true
	}
}

// word is told of each word: VALUES begins the rows. It returns false when that makes folding impossible.
func (f *fold) word(word string, depth, lits int) bool {
	switch f.state {
	case foldBefore:
		if !f.off && depth == 0 && lits == 0 && equalFold(word, "values") {
			f.state = foldBetween
		}
	case foldRow:
		if equalFold(word, "select") || equalFold(word, "values") || equalFold(word, "table") {
			f.query = true
			return f.rows == 0 || f.fail()
		}
	default:
		if f.rows > 1 && (f.state == foldBetween || f.state == foldAfter && !equalFold(word, "on") && !equalFold(word, "returning")) {
			return f.fail() // ORDER BY, LIMIT and the like are about all rows
		}
		f.state = foldDone
	}
	return true
}

// literal is told of each parameter that is made.
func (f *fold) literal() {
	if f.state == foldRow && f.rows == 0 {
		f.bare = append(f.bare, f.bareMark)
	}
	f.bareMark = false
}

func (f *fold) fail() bool {
	f.failed = true
	return false
}

// beginRow is told of an opening parenthesis, which is the last byte of buf.
func (n *Normalizer) beginRow() {
	f := &n.fold
	if len(n.keep) != 1 || f.state != foldBetween {
		return
	}
	f.state, f.field = foldRow, true
	f.rowAt = len(n.buf) - 1
	f.skip = f.rows * f.perRow
}

// endRow is told of a closing parenthesis. It returns false when a row does not look like the first.
func (n *Normalizer) endRow() bool {
	f := &n.fold
	if len(n.keep) != 0 || f.state != foldRow {
		return true
	}
	f.state = foldAfter
	if f.rows == 0 {
		f.first, f.end, f.rows, f.perRow = f.rowAt, len(n.buf), 1, len(n.lits)
		return true
	}
	if f.query || f.perRow == 0 || string(n.buf[f.rowAt:]) != string(n.buf[f.first:f.end]) || !n.joinKinds() {
		return f.fail()
	}
	n.buf = n.buf[:f.end]
	f.skip = f.rows * f.perRow
	f.rows++
	return true
}

// comma is told of a comma or an opening bracket.
func (n *Normalizer) comma(c byte) {
	f := &n.fold
	switch {
	case f.state == foldAfter && len(n.keep) == 0:
		f.state = foldBetween
	case f.state == foldRow && len(n.keep) == 1 && c == ',':
		f.field = true
	}
}

// joinKinds gives the literals of the first row the kinds that hold those of the last row too.
func (n *Normalizer) joinKinds() bool {
	f := &n.fold
	row := n.lits[f.rows*f.perRow:]
	if len(row) != f.perRow {
		return false
	}
	for i := range row {
		a, b := &n.lits[i].Kind, row[i].Kind
		switch {
		case *a == b:
		case !f.bare[i]:
			return false
		case b == LiteralNull:
		case *a == LiteralNull:
			*a = b
		case *a == LiteralString || b == LiteralString:
			return false
		default:
			*a = max(*a, b) // int4, int8, numeric
		}
	}
	return true
}

// folded returns the result: what follows the rows goes on with the parameters' numbers.
func (n *Normalizer) folded() Normalized {
	f := &n.fold
	if f.rows < 2 {
		return Normalized{Text: n.buf, Params: n.lits}
	}
	rows := f.rows * f.perRow
	if len(n.lits) == rows {
		return Normalized{Text: n.buf, Params: n.lits[:f.perRow], More: n.lits[f.perRow:], PerRow: f.perRow}
	}
	params := append(n.lits[:f.perRow:f.perRow], n.lits[rows:]...)
	return Normalized{Text: n.buf, Params: params, More: n.lits[f.perRow:rows], PerRow: f.perRow}
}

// endsField reports whether the next byte ends a field of a row.
func endsField(l *lexer) bool {
	i := l.pos
	for i < len(l.s) && charClass[l.s[i]]&chSpace != 0 {
		i++
	}
	return i < len(l.s) && (l.s[i] == ',' || l.s[i] == ')')
}
