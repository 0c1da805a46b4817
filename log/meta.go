package log

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// meta/ holds what must survive the loss of log/ itself.
//
// meta/identity is a text file of key=value lines, replaced by rename, whose last line is crc32c=XXXXXXXX over all before it.
//
// meta/state is two copies of one slot, at offsets 0 and 4096. A write goes to the first copy, is synced, then to the second
// and is synced again: at any moment one copy is whole, and after a complete write a damaged copy loses nothing. Slot:
//
//	 0  4  CRC-32C of bytes 4..4096
//	 4  4  format version (1)
//	 8  8  magic "KMBMETA\x01"
//	16  8  sequence, one higher with each write
//	24  8  view (raft's term)
//	32  8  vote (a raft id, 0 for none)
//	40  8  commit, a lower bound
//	48  8  acknowledged, a lower bound (see Log.Acknowledge)
//	56  8  truncation under way: the position to keep plus 1; 0 for none
//	64  8  position whose membership follows
//	72  4  length n of the membership
//	76  4  zero
//	80  8  first position kept: segments before it are being dropped, segments from it on must be there
//	88  8  the last position at which a membership event was appended; an upper bound
//	96  n  membership (raftpb.ConfState), then zeros
const (
	metaFormatVersion = 1
	metaSlotSize      = 4096
	metaSlotFixed     = 96

	identityFile = "identity"
	stateFile    = "state"
	dataFormat   = 1
)

var metaMagic = [8]byte{'K', 'M', 'B', 'M', 'E', 'T', 'A', 1}

// metaState is the content of a slot.
type metaState struct {
	sequence     uint64
	view         uint64
	vote         uint64
	commit       Position
	acknowledged Position
	keep         Position // valid when truncating
	truncating   bool
	confAt       Position
	conf         []byte
	first        Position
	memberAt     Position
}

func (s *metaState) encode() []byte {
	b := make([]byte, metaSlotSize)
	le.PutUint32(b[4:], metaFormatVersion)
	copy(b[8:], metaMagic[:])
	le.PutUint64(b[16:], s.sequence)
	le.PutUint64(b[24:], s.view)
	le.PutUint64(b[32:], s.vote)
	le.PutUint64(b[40:], uint64(s.commit))
	le.PutUint64(b[48:], uint64(s.acknowledged))
	if s.truncating {
		le.PutUint64(b[56:], uint64(s.keep)+1)
	}
	le.PutUint64(b[64:], uint64(s.confAt))
	le.PutUint32(b[72:], uint32(len(s.conf)))
	le.PutUint64(b[80:], uint64(s.first))
	le.PutUint64(b[88:], uint64(s.memberAt))
	copy(b[metaSlotFixed:], s.conf)
	le.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func decodeMetaState(b []byte) (s metaState, err error) {
	if len(b) < metaSlotSize {
		return s, errors.New("the slot is cut short")
	}
	b = b[:metaSlotSize]
	if string(b[8:16]) != string(metaMagic[:]) {
		return s, errors.New("the slot's magic is wrong")
	}
	if le.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return s, errors.New("the slot's checksum does not match")
	}
	if v := le.Uint32(b[4:]); v != metaFormatVersion {
		if v > metaFormatVersion {
			return s, fmt.Errorf("%w: meta format %d, this release knows %d", ErrNewerFormat, v, metaFormatVersion)
		}
		return s, fmt.Errorf("meta format %d is not known", v)
	}
	s.sequence = le.Uint64(b[16:])
	s.view = le.Uint64(b[24:])
	s.vote = le.Uint64(b[32:])
	s.commit = Position(le.Uint64(b[40:]))
	s.acknowledged = Position(le.Uint64(b[48:]))
	if k := le.Uint64(b[56:]); k > 0 {
		s.truncating, s.keep = true, Position(k-1)
	}
	s.confAt = Position(le.Uint64(b[64:]))
	s.first = Position(le.Uint64(b[80:]))
	s.memberAt = Position(le.Uint64(b[88:]))
	n := le.Uint32(b[72:])
	if n > confStateBytesMax {
		return s, errors.New("the slot's membership is too long")
	}
	s.conf = append([]byte(nil), b[metaSlotFixed:metaSlotFixed+n]...)
	return s, nil
}

// metaStore reads and writes meta/. Its caller serialises.
type metaStore struct {
	fs    vfs.FS
	dir   string
	file  vfs.File // state, nil when read-only
	state metaState
	id    Identity
	fresh bool // made by this Open
}

// openMeta loads meta/, or makes it when there is none. A nil error with fresh set means that the directory is new.
func openMeta(fs vfs.FS, dir string, want Identity, readOnly bool, notice func(*CorruptionError)) (*metaStore, error) {
	m := &metaStore{fs: fs, dir: dir}
	text, err := readFile(fs, fs.PathJoin(dir, identityFile))
	switch {
	case oserror.IsNotExist(err):
		if readOnly {
			return nil, fmt.Errorf("%s is not a kimberlite data directory: it has no meta/%s", fs.PathDir(dir), identityFile)
		}
		return m, m.create(want)
	case err != nil:
		return nil, ioError("reading meta/"+identityFile, err)
	}
	if m.id, err = decodeIdentity(text); err != nil {
		if errors.Is(err, ErrNewerFormat) {
			return nil, err
		}
		return nil, metaCorruption(identityFile, 0, err, notice)
	}
	if err := matchIdentity(m.id, want); err != nil {
		return nil, err
	}
	return m, m.load(readOnly, notice)
}

func metaCorruption(file string, offset int64, cause error, notice func(*CorruptionError)) *CorruptionError {
	e := &CorruptionError{
		Segment: "meta/" + file, Offset: offset, Reason: cause.Error(),
		Remedy: "Votes and acknowledgements may be lost: let this node join again with a fresh identity, or restore meta/ from a backup of the same moment as log/.",
	}
	notice(e)
	return e
}

func matchIdentity(have, want Identity) error {
	if want.ClusterName != "" && want.ClusterName != have.ClusterName {
		return &IdentityError{What: "cluster name", Want: want.ClusterName, Have: have.ClusterName}
	}
	if want.NodeID != 0 && want.NodeID != have.NodeID {
		return &IdentityError{What: "node id", Want: fmt.Sprint(want.NodeID), Have: fmt.Sprint(have.NodeID)}
	}
	if want.ClusterID != [16]byte{} && want.ClusterID != have.ClusterID {
		return &IdentityError{What: "cluster id", Want: want.ClusterIDString(), Have: have.ClusterIDString()}
	}
	return nil
}

// create writes a new identity and state. State comes first: an identity without state is damage.
func (m *metaStore) create(want Identity) error {
	m.fresh, m.state.first = true, 1
	m.id = want
	if m.id.NodeID == 0 {
		m.id.NodeID = 1
	}
	if m.id.ClusterID == [16]byte{} {
		rand.Read(m.id.ClusterID[:]) // never fails
		m.id.ClusterID[6] = m.id.ClusterID[6]&0x0f | 0x40
		m.id.ClusterID[8] = m.id.ClusterID[8]&0x3f | 0x80
	}
	f, err := m.fs.Create(m.fs.PathJoin(m.dir, stateFile), diskCategory)
	if err != nil {
		return ioError("creating meta/"+stateFile, err)
	}
	if err := f.Close(); err != nil {
		return ioError("creating meta/"+stateFile, err)
	}
	if m.file, err = m.fs.OpenReadWrite(m.fs.PathJoin(m.dir, stateFile), diskCategory); err != nil {
		return ioError("opening meta/"+stateFile, err)
	}
	if err := m.write(m.state); err != nil {
		return err
	}
	if err := syncDir(m.fs, m.dir); err != nil {
		return ioError("syncing meta/", err)
	}
	return m.writeIdentity(m.id)
}

func (m *metaStore) load(readOnly bool, notice func(*CorruptionError)) error {
	raw, err := readFile(m.fs, m.fs.PathJoin(m.dir, stateFile))
	if err != nil {
		if oserror.IsNotExist(err) {
			return metaCorruption(stateFile, 0, errors.New("the file is missing"), notice)
		}
		return ioError("reading meta/"+stateFile, err)
	}
	first, firstErr := decodeMetaState(raw)
	second, secondErr := decodeMetaState(raw[min(len(raw), metaSlotSize):])
	if errors.Is(firstErr, ErrNewerFormat) {
		return firstErr
	}
	switch {
	case firstErr == nil && (secondErr != nil || first.sequence >= second.sequence):
		m.state = first
	case secondErr == nil:
		m.state = second
	default:
		return metaCorruption(stateFile, 0, fmt.Errorf("both copies are bad: %w; %w", firstErr, secondErr), notice)
	}
	if readOnly {
		return nil
	}
	if m.file, err = m.fs.OpenReadWrite(m.fs.PathJoin(m.dir, stateFile), diskCategory); err != nil {
		return ioError("opening meta/"+stateFile, err)
	}
	if firstErr != nil || secondErr != nil || first.sequence != second.sequence {
		return m.write(m.state) // an interrupted write, or a damaged copy: make both whole again
	}
	return nil
}

// write makes s durable in both copies, and current.
func (m *metaStore) write(s metaState) error {
	s.sequence = m.state.sequence + 1
	b := s.encode()
	for _, offset := range []int64{0, metaSlotSize} {
		// vfs allows a file to scribble over what it is given, hence the copy.
		if _, err := m.file.WriteAt(append([]byte(nil), b...), offset); err != nil {
			return ioError("writing meta/"+stateFile, err)
		}
		if err := m.file.SyncData(); err != nil {
			return ioError("syncing meta/"+stateFile, err)
		}
	}
	m.state = s
	return nil
}

func (m *metaStore) writeIdentity(id Identity) error {
	final := m.fs.PathJoin(m.dir, identityFile)
	temp := final + tempSuffix
	if err := writeFileSynced(m.fs, temp, encodeIdentity(id)); err != nil {
		return ioError("writing meta/"+identityFile, err)
	}
	if err := m.fs.Rename(temp, final); err != nil {
		return ioError("renaming meta/"+identityFile, err)
	}
	if err := syncDir(m.fs, m.dir); err != nil {
		return ioError("syncing meta/", err)
	}
	m.id = id
	return nil
}

func (m *metaStore) confState() (*raftpb.ConfState, error) {
	cs := &raftpb.ConfState{}
	if err := proto.Unmarshal(m.state.conf, cs); err != nil {
		return nil, fmt.Errorf("decoding the membership in meta/%s: %w", stateFile, err)
	}
	return cs, nil
}

func (m *metaStore) close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

func encodeIdentity(id Identity) []byte {
	s := fmt.Sprintf("kimberlite_data_format=%d\ncluster_id=%s\ncluster_name=%s\nnode_id=%d\ngeneration=%d\nincarnation=%d\n",
		dataFormat, hex.EncodeToString(id.ClusterID[:]), strconv.Quote(id.ClusterName), id.NodeID, id.Generation, id.Incarnation)
	return fmt.Appendf([]byte(s), "crc32c=%08x\n", crcOf([]byte(s)))
}

func decodeIdentity(b []byte) (id Identity, err error) {
	text := string(b)
	body, tail, ok := strings.Cut(text, "crc32c=")
	if !ok || strings.TrimSpace(tail) != fmt.Sprintf("%08x", crcOf([]byte(body))) {
		return id, errors.New("its checksum does not match")
	}
	var format uint64
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		key, value, _ := strings.Cut(line, "=")
		var n uint64
		switch key {
		case "cluster_name":
			id.ClusterName, err = strconv.Unquote(value)
		case "cluster_id":
			var raw []byte
			if raw, err = hex.DecodeString(value); err == nil && len(raw) != len(id.ClusterID) {
				err = errors.New("wrong length")
			}
			copy(id.ClusterID[:], raw)
		default:
			n, err = strconv.ParseUint(value, 10, 64)
		}
		if err != nil {
			return id, fmt.Errorf("%s: %w", key, err)
		}
		switch key {
		case "kimberlite_data_format":
			format = n
			if format > dataFormat {
				return id, fmt.Errorf("%w: data format %d, this release knows %d", ErrNewerFormat, format, dataFormat)
			}
		case "node_id":
			id.NodeID = uint32(n)
		case "generation":
			id.Generation = uint32(n)
		case "incarnation":
			id.Incarnation = n
		}
	}
	if format != dataFormat || id.NodeID == 0 {
		return id, errors.New("a line is missing")
	}
	return id, nil
}

// diskCategory labels the log's writes in Pebble's disk statistics.
const diskCategory vfs.DiskWriteCategory = "kimberlite-log"

func readFile(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func writeFileSynced(fs vfs.FS, name string, b []byte) error {
	f, err := fs.Create(name, diskCategory)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}
