package pgwire

import (
	"encoding/binary"
	"io"
	"sync"
)

// input frames the client's messages. It reads ahead as far as its buffer goes, so that a pipeline costs one system call.
type input struct {
	src   io.Reader
	buf   []byte // small[:], a pooled buffer, or one grown for a big message
	r, w  int    // buf[r:w] is read and not consumed
	eager bool   // the last read filled its buffer: there is more, take the big buffer
	bytes uint64
	pool  *[inBig]byte // what buf came from, if from the pool
	small [inSmall]byte
}

var inPool = sync.Pool{New: func() any { return new([inBig]byte) }}

func (in *input) init(src io.Reader) {
	in.src = src
	in.buf = in.small[:]
}

// buffered returns how many bytes are there to be consumed.
func (in *input) buffered() int { return in.w - in.r }

// fill reads until n bytes are buffered. After a timeout it may be called again: nothing is lost.
func (in *input) fill(n int) error {
	for in.w-in.r < n {
		if in.r == in.w {
			in.r, in.w = 0, 0
			if in.eager && len(in.buf) < inBig {
				in.grow(inBig)
			}
		}
		if len(in.buf)-in.r < n || in.w == len(in.buf) {
			in.makeRoom(n)
		}
		m, err := in.src.Read(in.buf[in.w:])
		in.w += m
		in.bytes += uint64(m)
		in.eager = in.w == len(in.buf)
		if m == 0 && err != nil {
			return err
		}
	}
	return nil
}

// makeRoom moves what is buffered to the front, and grows the buffer as bytes arrive: a client that announces a gigabyte
// gets the memory only as it sends it.
func (in *input) makeRoom(n int) {
	if in.r > 0 {
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, in.w-in.r
	}
	if in.w == len(in.buf) || (len(in.buf) < inBig && n > len(in.buf)) {
		in.grow(min(max(n, inBig), max(2*len(in.buf), inBig)))
	}
}

func (in *input) grow(size int) {
	var next []byte
	var from *[inBig]byte
	if size <= inBig {
		from = inPool.Get().(*[inBig]byte)
		next = from[:]
	} else {
		next = make([]byte, size)
	}
	copy(next, in.buf[in.r:in.w])
	in.r, in.w = 0, in.w-in.r
	in.drop()
	in.buf, in.pool = next, from
}

func (in *input) drop() {
	if in.pool != nil {
		inPool.Put(in.pool)
		in.pool = nil
	}
}

// release goes back to the small buffer when nothing is buffered and the client does not send in bulk.
func (in *input) release() {
	if in.r == in.w && !in.eager && len(in.buf) > inSmall {
		in.drop()
		in.buf, in.r, in.w = in.small[:], 0, 0
	}
}

// close gives pooled memory back; the input must not be used any more.
func (in *input) close() {
	in.drop()
	in.buf, in.r, in.w = nil, 0, 0
}

// take consumes n buffered bytes; they are valid until the next fill.
func (in *input) take(n int) []byte {
	b := in.buf[in.r : in.r+n : in.r+n]
	in.r += n
	return b
}

// header returns type and body length of the message at the front; fill(5) came before.
func (in *input) header() (typ byte, size int) {
	b := in.buf[in.r : in.r+5]
	return b[0], int(int32(binary.BigEndian.Uint32(b[1:]))) - 4
}

// bodyMax returns the largest body that a message of the type may have, -1 for a type that no client sends after authentication.
func bodyMax(typ byte) int {
	switch typ {
	case 'Q', 'P', 'B', 'F', 'd':
		return largeBytesMax
	case 'C', 'D', 'E', 'H', 'S', 'X', 'c', 'f':
		return smallBytesMax
	}
	return -1
}
