package log

import "time"

const (
	// payloadBytesMax bounds one event's payload. It must fit a raft message, a read buffer and a segment of its own;
	// larger transactions are proposed as chunks, far below this.
	payloadBytesMax = 256 << 20

	// segmentBytesDefault balances files to look after against what a retention step or a compression run handles at once.
	segmentBytesDefault = 64 << 20
	// segmentBytesMin lets tests cross segment borders with a handful of events, and still holds header, a record, footer.
	segmentBytesMin = segmentHeaderSize + recordHeaderSize + segmentFooterSize + 64

	// zeroAheadBytes is how far the active segment is zero-filled in front of the writer: overwriting zeros needs no
	// file system metadata at fdatasync, which halves it; a larger step makes the one sync that pays for it longer.
	zeroAheadBytes = 1 << 20

	// cacheBytesDefault keeps what was just appended for the projector and for followers that are not far behind.
	// More would only help followers that are far behind, and they can read from disk.
	cacheBytesDefault = 8 << 20
	// cacheEventOverhead is about what a cached event costs besides its payload.
	cacheEventOverhead = 160

	// writeBufferKeepBytes is the encoding buffer kept between appends; a larger one is given back at once.
	writeBufferKeepBytes = 1 << 20

	// readChunkBytes is what one read from a segment asks for: large enough to stream, small enough to waste.
	readChunkBytes = 256 << 10

	// anchorBytes is the distance between remembered (position, offset) pairs of a segment: 2,048 per 64 MiB.
	anchorBytes = 32 << 10
	// indexedSegmentsMax bounds how many sealed segments keep their anchors in memory (32 KiB each).
	indexedSegmentsMax = 16

	// blockRawBytes is how much of a segment goes into one zstd frame: one frame is decoded to read one event.
	blockRawBytes = 256 << 10
	// blockRawBytesMax is what a reader accepts as one frame's size: a single record of the largest payload.
	blockRawBytesMax = payloadBytesMax + recordHeaderSize + blockRawBytes

	// sectorBytes is the smallest unit that a device writes whole. A tear leaves whole sectors as they were.
	sectorBytes = 512

	// confStateBytesMax bounds the encoded membership in a meta slot: over 300 members, far beyond a sane group.
	confStateBytesMax = metaSlotSize - metaSlotFixed

	// metaFlushInterval is how stale the acknowledged position in meta/ may be. It costs two small syncs each time.
	metaFlushInterval = time.Second

	slowSyncDefault      = 10 * time.Millisecond
	asyncIntervalDefault = 100 * time.Millisecond
)
