// oracle - what Go's own checksum database has for notes, trees, proofs and tiles, held against what
// certbroker wrote, and the other way round. Everything here but reading files is golang.org/x/mod/sumdb
// and the standard library. Exits 0 if all is as it should be, else says on stderr what is not.
//
//	oracle genkey NAME                      a signer's key and its verifier's, a line each
//	oracle sign KEY <TEXT                   a note
//	oracle genwitness NAME                  the same two lines for a witness (type 4)
//	oracle cosign KEY TIME <NOTE            the note with one more signature line
//	oracle log VKEY DIR <LINES              DIR/state/checkpoint and DIR/tile against the lines
//	oracle proof VKEY FILE... <LINES        .tlog-proof files
//	oracle consistency VKEY OLD FILE        an add-checkpoint request that goes on from the note OLD
//	oracle prove KEY SIZE INDEX             a .tlog-proof of a log of its own
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func expect(ok bool, format string, args ...interface{}) {
	if !ok {
		must(fmt.Errorf(format, args...))
	}
}

// tree holds every hash of a log in memory.
type tree struct {
	lines  []string
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = t.hashes[at]
	}
	return out, nil
}

func (t *tree) add(line string) {
	hashes, err := tlog.StoredHashes(int64(len(t.lines)), []byte(line), t)
	must(err)
	t.hashes = append(t.hashes, hashes...)
	t.lines = append(t.lines, line)
}

func (t *tree) root(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, t)
	must(err)
	return root
}

func readLines() *tree {
	all, err := io.ReadAll(os.Stdin)
	must(err)
	t := &tree{}
	for _, line := range strings.Split(strings.TrimSuffix(string(all), "\n"), "\n") {
		t.add(line)
	}
	return t
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func openCheckpoint(vkey string, bytes []byte) checkpoint {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	n, err := note.Open(bytes, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(n.Text, "\n")
	expect(len(lines) == 4 && lines[3] == "", "the checkpoint has %d lines", len(lines)-1)
	expect(lines[0] == verifier.Name(), "origin %q, key of %q", lines[0], verifier.Name())
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return checkpoint{lines[0], size, root}
}

func checkLog(vkey, dir string) {
	bytes, err := os.ReadFile(filepath.Join(dir, "state/checkpoint"))
	must(err)
	c := openCheckpoint(vkey, bytes)
	t := readLines()
	expect(c.size <= int64(len(t.lines)), "%d records sealed, %d there", c.size, len(t.lines))
	expect(t.root(c.size) == c.root, "another root than Go's for %d records", c.size)
	full := 0
	for _, tile := range tlog.NewTiles(8, 0, c.size) {
		if tile.W != 256 {
			continue
		}
		want, err := tlog.ReadTileData(tile, t)
		must(err)
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		got, err := os.ReadFile(filepath.Join(dir, path))
		must(err)
		expect(string(got) == string(want), "%s is not Go's", path)
		full++
	}
	fmt.Printf("%d records, %d tiles\n", c.size, full)
}

// hashLines are base64 hashes up to the empty line, and what follows it.
func hashLines(lines []string) (hashes []tlog.Hash, rest string) {
	for i, line := range lines {
		if line == "" {
			return hashes, strings.Join(lines[i+1:], "\n")
		}
		hash, err := tlog.ParseHash(line)
		must(err)
		hashes = append(hashes, hash)
	}
	must(fmt.Errorf("no empty line"))
	return nil, ""
}

func equal(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func checkProof(vkey, path string, t *tree) {
	bytes, err := os.ReadFile(path)
	must(err)
	lines := strings.Split(string(bytes), "\n")
	expect(len(lines) > 4 && lines[0] == "c2sp.org/tlog-proof@v1", "%s: first line", path)
	record, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	proof, rest := hashLines(lines[3:])
	c := openCheckpoint(vkey, []byte(rest))
	must(tlog.CheckRecord(tlog.RecordProof(proof), c.size, c.root, index, tlog.RecordHash(record)))
	expect(t.lines[index] == string(record), "%s: not record %d", path, index)
	want, err := tlog.ProveRecord(c.size, index, t)
	must(err)
	expect(equal(proof, want), "%s: Go has another path", path)
}

func checkConsistency(vkey, oldPath, path string) {
	oldBytes, err := os.ReadFile(oldPath)
	must(err)
	bytes, err := os.ReadFile(path)
	must(err)
	old := openCheckpoint(vkey, oldBytes)
	lines := strings.Split(string(bytes), "\n")
	expect(lines[0] == fmt.Sprintf("old %d", old.size), "first line %q", lines[0])
	proof, rest := hashLines(lines[1:])
	c := openCheckpoint(vkey, []byte(rest))
	must(tlog.CheckTree(tlog.TreeProof(proof), c.size, c.root, old.size, old.root))
}

func prove(skey string, size, index int64) {
	signer, err := note.NewSigner(skey)
	must(err)
	t := &tree{}
	for i := int64(0); i < size; i++ {
		t.add(fmt.Sprintf("record %d", i))
	}
	proof, err := tlog.ProveRecord(size, index, t)
	must(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, t.root(size))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	fmt.Printf("c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n",
		base64.StdEncoding.EncodeToString([]byte(t.lines[index])), index)
	for _, hash := range proof {
		fmt.Println(hash)
	}
	fmt.Printf("\n%s", signed)
}

// witness is C2SP tlog-cosignature v1, which x/mod does not have: keys as its own, with type 4.
type witness struct {
	name string
	id   uint32
	key  ed25519.PrivateKey
}

func newWitness(name string, seed []byte) *witness {
	w := &witness{name: name, key: ed25519.NewKeyFromSeed(seed)}
	digest := sha256.Sum256(append([]byte(name+"\n\x04"), w.key.Public().(ed25519.PublicKey)...))
	w.id = binary.BigEndian.Uint32(digest[:])
	return w
}

func cosign(skey, time string) {
	all, err := io.ReadAll(os.Stdin)
	must(err)
	parts := strings.Split(skey, "+")
	seed, err := hex.DecodeString(parts[1])
	must(err)
	w := newWitness(parts[0], seed)
	text := all[:bytes.LastIndex(all, []byte("\n\n"))+1]
	seconds, err := strconv.ParseUint(time, 10, 64)
	must(err)
	blob := binary.BigEndian.AppendUint32(nil, w.id)
	blob = binary.BigEndian.AppendUint64(blob, seconds)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	blob = append(blob, ed25519.Sign(w.key, []byte(message))...)
	fmt.Printf("%s\u2014 %s %s\n", all, w.name, base64.StdEncoding.EncodeToString(blob))
}

func genWitness(name string) {
	seed := make([]byte, 32)
	_, err := rand.Read(seed)
	must(err)
	w := newWitness(name, seed)
	public := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	fmt.Printf("%s+%x\n%s+%08x+%s\n", name, seed, name, w.id,
		base64.StdEncoding.EncodeToString(public))
}

func sign(skey string) {
	text, err := io.ReadAll(os.Stdin)
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	must(err)
	os.Stdout.Write(signed)
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return n
}

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 2 && args[0] == "genkey":
		skey, vkey, err := note.GenerateKey(rand.Reader, args[1])
		must(err)
		fmt.Printf("%s\n%s\n", skey, vkey)
	case len(args) == 2 && args[0] == "sign":
		sign(args[1])
	case len(args) == 2 && args[0] == "genwitness":
		genWitness(args[1])
	case len(args) == 3 && args[0] == "cosign":
		cosign(args[1], args[2])
	case len(args) == 3 && args[0] == "log":
		checkLog(args[1], args[2])
	case len(args) >= 3 && args[0] == "proof":
		t := readLines()
		for _, path := range args[2:] {
			checkProof(args[1], path, t)
		}
	case len(args) == 4 && args[0] == "consistency":
		checkConsistency(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "prove":
		prove(args[1], number(args[2]), number(args[3]))
	default:
		must(fmt.Errorf("unknown arguments %q", args))
	}
}
