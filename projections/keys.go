package projections

import (
	"encoding/binary"

	"kimberlite/log"
	"kimberlite/sql/types"
)

// The keyspaces: the first byte of every key in the store. Frozen: they are on disk. Numbers are big-endian.
//
//	c  kind(1) oid(4)                         catalog descriptor
//	d  storage(4)                             digest, row count and last row id of a table; storage 0: catalog, definitions, sequences
//	D  position(8) storage(4)                 a storage dropped at the position, kept for time travel
//	h  storage(4) row id(8) ended(8)          row version superseded at position `ended`; the value is as under r
//	i  storage(4) key [row id(8)]             index entry; see index.go
//	k  xid(8) n(4)                            position(8) of chunk n of a transaction that has not committed yet
//	m  name                                   what the store knows about itself
//	r  storage(4) row id(8)                   row: position(8) image; see rowcodec.go
//	s  oid(4)                                 sequence: last value(8) called(1)
//	t  oid(4)                                 table definition
//	w  commit time(8)                         position(8): sparse marks for AS OF TIMESTAMP
//	x  xid(8)                                 position(8) commit time(8) of a committed transaction
const (
	spaceCatalog  = 'c'
	spaceDigest   = 'd'
	spaceDropped  = 'D'
	spaceHistory  = 'h'
	spaceIndex    = 'i'
	spaceChunk    = 'k'
	spaceMeta     = 'm'
	spaceRow      = 'r'
	spaceSequence = 's'
	spaceTable    = 't'
	spaceTime     = 'w'
	spaceXact     = 'x'
)

// Names in the meta space.
var (
	metaApplied = []byte("mapplied") // position(8) chain hash(32) highest xid(8) last commit time(8) step(8); see appliedRecord
	metaFormat  = []byte("mformat")  // version(4)
	metaHistory = []byte("mhistory") // position(8): time travel reaches back to here
)

// formatVersion is the version of the keyspaces and values; a store of another version is rebuilt from the log.
const formatVersion = 2

const (
	storagePrefix = 1 + 4
	rowKeyLen     = storagePrefix + 8
)

// storageOfKey reads the storage of a key in the row, history or index space.
func storageOfKey(key []byte) StorageID { return StorageID(binary.BigEndian.Uint32(key[1:])) }

func appendStorage(dst []byte, space byte, id StorageID) []byte {
	return binary.BigEndian.AppendUint32(append(dst, space), uint32(id))
}

func appendRowKey(dst []byte, id StorageID, row RowID) []byte {
	return binary.BigEndian.AppendUint64(appendStorage(dst, spaceRow, id), uint64(row))
}

func putRowKey(dst *[rowKeyLen]byte, id StorageID, row RowID) []byte {
	dst[0] = spaceRow
	binary.BigEndian.PutUint32(dst[1:], uint32(id))
	binary.BigEndian.PutUint64(dst[5:], uint64(row))
	return dst[:]
}

// rowOfKey reads the row id of a key in the row or history space.
func rowOfKey(key []byte) RowID { return RowID(binary.BigEndian.Uint64(key[5:])) }

func appendHistoryKey(dst []byte, id StorageID, row RowID, ended log.Position) []byte {
	dst = binary.BigEndian.AppendUint64(appendStorage(dst, spaceHistory, id), uint64(row))
	return binary.BigEndian.AppendUint64(dst, uint64(ended))
}

func endedOfKey(key []byte) log.Position {
	return log.Position(binary.BigEndian.Uint64(key[13:]))
}

func appendCatalogKey(dst []byte, kind byte, oid types.OID) []byte {
	return binary.BigEndian.AppendUint32(append(dst, spaceCatalog, kind), uint32(oid))
}

func appendOIDKey(dst []byte, space byte, oid types.OID) []byte {
	return binary.BigEndian.AppendUint32(append(dst, space), uint32(oid))
}

func appendNumberKey(dst []byte, space byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, space), n)
}

func appendChunkKey(dst []byte, xid uint64, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendNumberKey(dst, spaceChunk, xid), n)
}

func appendDroppedKey(dst []byte, p log.Position, id StorageID) []byte {
	return binary.BigEndian.AppendUint32(appendNumberKey(dst, spaceDropped, uint64(p)), uint32(id))
}

// prefixEnd returns the first key after all those that begin with prefix; nil when there is none.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
