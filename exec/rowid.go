package exec

import (
	"encoding/binary"

	"kimberlite/projections"
	"kimberlite/sql/types"
)

// ctidOf packs a row id as the tid that ctid shows: the low 16 bits are the offset, the rest the block.
func ctidOf(arena *types.Arena, id projections.RowID) string {
	b := arena.Alloc(6)
	binary.BigEndian.PutUint32(b, uint32(id>>16))
	binary.BigEndian.PutUint16(b[4:], uint16(id))
	return unsafeString(b)
}

// CtidOf returns the ctid of a row id.
func CtidOf(id projections.RowID) types.Datum {
	return types.Datum{S: types.MakeTid(uint32(id>>16), uint16(id))}
}

// RowIDOf returns the row id that a ctid stands for.
func RowIDOf(tid string) projections.RowID {
	if len(tid) != 6 {
		return 0
	}
	return projections.RowID(tid[0])<<40 | projections.RowID(tid[1])<<32 | projections.RowID(tid[2])<<24 |
		projections.RowID(tid[3])<<16 | projections.RowID(tid[4])<<8 | projections.RowID(tid[5])
}
