package pgwire

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// How a column's values are printed. The first ones are done here without a call, since most values of most results
// are integers and texts; the rest goes through the type's own function.
type encoding uint8

const (
	encInt     encoding = iota // decimal digits of I
	encRaw                     // the bytes of S
	encBool                    // t or f
	encInt16                   // big-endian binary forms of I
	encInt32                   //
	encInt64                   //
	encByte                    //
	encFloat32                 //
	encFloat64                 //
	encFunc                    // shape.funcs[i]
)

// shape is how the rows of the running statement are printed.
type shape struct {
	tctx    *types.Ctx
	cols    []Column
	formats []int16 // a copy: the session may reuse its own
	encs    []encoding
	funcs   []func(dst []byte, d types.Datum) []byte
	err     error // some column has no such output; the first row reports it
}

// set prepares the shape; it is nearly free when the same statement runs again.
func (s *shape) set(tctx *types.Ctx, cols []Column, formats []int16) {
	if s.err == nil && s.tctx == tctx && len(s.cols) == len(cols) && unsafe.SliceData(s.cols) == unsafe.SliceData(cols) &&
		len(cols) > 0 && slices.Equal(s.formats, formats) {
		return
	}
	s.tctx, s.cols, s.err = tctx, cols, nil
	s.formats = append(s.formats[:0], formats...)
	s.encs = s.encs[:0]
	clear(s.funcs)
	s.funcs = s.funcs[:0]
	for i := range cols {
		e, f, err := encodingOf(tctx, cols[i].T, FormatOf(formats, i))
		if err != nil && s.err == nil {
			s.err = err
		}
		s.encs = append(s.encs, e)
		s.funcs = append(s.funcs, f)
	}
}

// release forgets the shape; while a connection is idle it would keep a statement's columns alive.
func (s *shape) release() {
	if cap(s.encs) > 32 {
		*s = shape{}
	}
}

func encodingOf(tctx *types.Ctx, t types.T, format int16) (encoding, func([]byte, types.Datum) []byte, error) {
	if format == FormatBinary {
		switch t.OID {
		case types.OIDInt2:
			return encInt16, nil, nil
		case types.OIDInt4, types.OIDOid, types.OIDDate:
			return encInt32, nil, nil
		case types.OIDInt8, types.OIDTimestamp, types.OIDTimestamptz:
			return encInt64, nil, nil
		case types.OIDBool:
			return encByte, nil, nil
		case types.OIDFloat4:
			return encFloat32, nil, nil
		case types.OIDFloat8:
			return encFloat64, nil, nil
		case types.OIDText, types.OIDVarchar, types.OIDBpchar, types.OIDName, types.OIDBytea, types.OIDJson, types.OIDUnknown:
			return encRaw, nil, nil
		}
		f, err := types.BinaryOut(tctx, t)
		return encFunc, f, err
	}
	switch t.OID {
	case types.OIDInt2, types.OIDInt4, types.OIDInt8, types.OIDOid:
		return encInt, nil, nil
	case types.OIDText, types.OIDVarchar, types.OIDBpchar, types.OIDName, types.OIDJson, types.OIDUnknown:
		return encRaw, nil, nil
	case types.OIDBool:
		return encBool, nil, nil
	}
	return encFunc, types.TextOut(tctx, t), nil
}

// value appends one value with its length.
func (s *shape) value(b []byte, i int, d types.Datum) []byte {
	at := len(b)
	switch s.encs[i] {
	case encInt:
		b = append(b, 0, 0, 0, 0)
		b = strconv.AppendInt(b, d.I, 10)
	case encRaw:
		b = binary.BigEndian.AppendUint32(b, uint32(len(d.S)))
		return append(b, d.S...)
	case encBool:
		if d.I != 0 {
			return append(b, 0, 0, 0, 1, 't')
		}
		return append(b, 0, 0, 0, 1, 'f')
	case encInt16:
		return append(b, 0, 0, 0, 2, byte(d.I>>8), byte(d.I))
	case encInt32:
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(d.I))
	case encInt64:
		return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(d.I))
	case encByte:
		return append(b, 0, 0, 0, 1, byte(d.I))
	case encFloat32:
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), math.Float32bits(float32(math.Float64frombits(uint64(d.I)))))
	case encFloat64:
		return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(d.I))
	default:
		b = append(b, 0, 0, 0, 0)
		b = s.funcs[i](b, d)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

var nullValue = []byte{0xff, 0xff, 0xff, 0xff}

// row writes one DataRow.
func (o *output) row(s *shape, row []types.Datum) error {
	if s.err != nil {
		return s.err
	}
	if len(row) != len(s.encs) {
		return pgerr.Internal("a row of %d values for %d columns", len(row), len(s.encs))
	}
	buf, at := o.start('D')
	b := append(buf.b, byte(len(row)>>8), byte(len(row)))
	for i := range row {
		if row[i].Null {
			b = append(b, nullValue...)
			continue
		}
		b = s.value(b, i, row[i])
	}
	return o.endRow(buf, b, at)
}

// batch writes the selected rows of a batch.
func (o *output) batch(s *shape, batch *types.Batch) error {
	if s.err != nil {
		return s.err
	}
	if len(batch.Cols) != len(s.encs) {
		return pgerr.Internal("a batch of %d columns for %d", len(batch.Cols), len(s.encs))
	}
	n := batch.Rows()
	for k := range n {
		r := batch.Row(k)
		buf, at := o.start('D')
		b := append(buf.b, byte(len(batch.Cols)>>8), byte(len(batch.Cols)))
		for i, col := range batch.Cols {
			switch {
			case col.IsNull(r):
				b = append(b, nullValue...)
			case col.Class == types.Fixed:
				b = s.value(b, i, types.Datum{I: col.Fix[r]})
			default:
				b = s.value(b, i, types.Datum{S: col.Str[r]})
			}
		}
		if err := o.endRow(buf, b, at); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) endRow(buf *outBuf, b []byte, at int) error {
	if len(b)-at > largeBytesMax {
		buf.b = buf.b[:at-1]
		return pgerr.Newf(pgerr.ProgramLimitExceeded, "out of memory").WithDetail("Cannot send a row of %d bytes.", len(b)-at)
	}
	buf.b = b
	buf.end(at)
	return o.room()
}
