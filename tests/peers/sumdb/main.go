// The other side of `npm run test:peers`: a few lines around golang.org/x/mod/sumdb (notes, tiles and proofs by the people who
// invented them), which verify a log of Voltseal and make one that Voltseal verifies.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o peer ./tests/peers/sumdb
//	peer log VKEY DIR                        a whole log: signature, root, every tile, every entry
//	peer proof VKEY FILE                     a tlog-proof, whose extra data is the entry
//	peer grew VKEY OLD NEW PROOF             two checkpoints and the proof between them, a hash in base64 to a line
//	peer witness VKEY FILE                   a cosignature on a checkpoint
//	peer prove DIR INDEX                     an audit path, a hash in base64 to a line
//	peer growth DIR OLDSIZE                  a proof of consistency, likewise
//	peer make NAME DIR BUNDLE OLDSIZE INDEX  a log of the entries of a bundle file, with a witness, an older checkpoint and proofs
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

func main() {
	if len(os.Args) < 3 {
		fail("peer COMMAND ...")
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "log":
		checkLog(args[0], args[1])
	case "proof":
		checkProof(args[0], args[1])
	case "grew":
		checkGrowth(args[0], args[1], args[2], args[3])
	case "witness":
		checkWitness(args[0], args[1])
	case "prove":
		tree, reader := openFolder(args[0])
		proof, err := tlog.ProveRecord(tree.N, number(args[1]), reader)
		must(err)
		printHashes(proof)
	case "growth":
		tree, reader := openFolder(args[0])
		proof, err := tlog.ProveTree(tree.N, number(args[1]), reader)
		must(err)
		printHashes(proof)
	case "make":
		makeLog(args[0], args[1], args[2], number(args[3]), number(args[4]))
	default:
		fail("no such command")
	}
}

// folder reads tiles: sumdb calls them tile/8/LEVEL/..., C2SP tile/LEVEL/...
type folder string

func path(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
}

func (dir folder) Height() int { return height }
func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(dir), path(tile)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", path(tile), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}
func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func checkLog(vkey, dir string) {
	origin, tree := openCheckpoint(vkey, filepath.Join(dir, "checkpoint"))
	reader := tlog.TileHashReader(tree, folder(dir))
	root, err := tlog.TreeHash(tree.N, reader)
	must(err)
	if root != tree.Hash {
		fail("another root")
	}
	for first := int64(0); first < tree.N; first += width {
		last := first + width
		name := tlog.Tile{H: height, L: 0, N: first / width, W: width}
		if last > tree.N {
			last = tree.N
			name.W = int(last - first)
		}
		bundle, err := os.ReadFile(filepath.Join(dir, strings.Replace(path(name), "tile/0/", "tile/entries/", 1)))
		must(err)
		entries := unpack(bundle)
		if int64(len(entries)) != last-first {
			fail(fmt.Sprintf("%d entries from %d", len(entries), first))
		}
		var indexes []int64
		for index := first; index < last; index++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, index))
		}
		hashes, err := reader.ReadHashes(indexes)
		must(err)
		for at, entry := range entries {
			if tlog.RecordHash(entry) != hashes[at] {
				fail(fmt.Sprintf("entry %d", first+int64(at)))
			}
		}
	}
	fmt.Println(origin, tree.N, tree.Hash)
}

func checkProof(vkey, file string) {
	text, err := os.ReadFile(file)
	must(err)
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("no tlog-proof")
	}
	entry := decode(strings.TrimPrefix(lines[1], "extra "))
	index := number(strings.TrimPrefix(lines[2], "index "))
	origin, tree := readCheckpoint(vkey, []byte(checkpoint))
	must(tlog.CheckRecord(hashesOf(lines[3:]), tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	fmt.Println(origin, tree.N, index, string(entry))
}

func checkGrowth(vkey, older, newer, proof string) {
	_, from := openCheckpoint(vkey, older)
	_, to := openCheckpoint(vkey, newer)
	text, err := os.ReadFile(proof)
	must(err)
	must(tlog.CheckTree(hashesOf(strings.Fields(string(text))), to.N, to.Hash, from.N, from.Hash))
	fmt.Println(from.N, to.N)
}

func openFolder(dir string) (tlog.Tree, tlog.HashReader) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	_, tree := parse(string(text))
	return tree, tlog.TileHashReader(tree, folder(dir))
}

func openCheckpoint(vkey, file string) (string, tlog.Tree) {
	signed, err := os.ReadFile(file)
	must(err)
	return readCheckpoint(vkey, signed)
}

func readCheckpoint(vkey string, signed []byte) (string, tlog.Tree) {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	origin, tree := parse(opened.Text)
	if origin != verifier.Name() {
		fail("a checkpoint of " + origin)
	}
	return origin, tree
}

// parse reads origin, size and root; what stands behind them is not ours to read.
func parse(text string) (string, tlog.Tree) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		fail("no checkpoint")
	}
	hash, err := tlog.ParseHash(lines[2])
	must(err)
	return lines[0], tlog.Tree{N: number(lines[1]), Hash: hash}
}

// witness is an Ed25519 key of C2SP tlog-cosignature, as note.Verifier and note.Signer.
type witness struct {
	name    string
	public  ed25519.PublicKey
	private ed25519.PrivateKey
	seconds uint64
}

func (w witness) Name() string { return w.name }
func (w witness) KeyHash() uint32 {
	hash := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.public...))
	return binary.BigEndian.Uint32(hash[:])
}
func (w witness) message(seconds uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", seconds)), text...)
}
func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(w.public, w.message(binary.BigEndian.Uint64(signature), text), signature[8:])
}
func (w witness) Sign(text []byte) ([]byte, error) {
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], w.seconds)
	return append(seconds[:], ed25519.Sign(w.private, w.message(w.seconds, text))...), nil
}

func checkWitness(vkey, file string) {
	parts := strings.SplitN(vkey, "+", 3)
	key := decode(parts[2])
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		fail("no key of a witness")
	}
	by := witness{name: parts[0], public: key[1:]}
	if parts[1] != fmt.Sprintf("%08x", by.KeyHash()) {
		fail("another key id")
	}
	signed, err := os.ReadFile(file)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(by))
	must(err)
	for _, signature := range opened.Sigs {
		fmt.Println(signature.Name, binary.BigEndian.Uint64(decode(signature.Base64)[4:]))
	}
}

// makeLog prints the key of the log and the key of its witness.
func makeLog(name, dir, file string, oldSize, index int64) {
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed), name)
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	by := witness{name: "witness." + name, private: private, public: private.Public().(ed25519.PublicKey), seconds: 1_790_000_000}

	packed, err := os.ReadFile(file)
	must(err)
	entries := unpack(packed)
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			hashes[at] = stored[index]
		}
		return hashes, nil
	})
	for at, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(at), entry, reader)
		must(err)
		stored = append(stored, hashes...)
	}
	size := int64(len(entries))
	for _, tile := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		must(err)
		write(dir, path(tile), data)
	}
	for first := int64(0); first < size; first += width {
		tile := tlog.Tile{H: height, L: 0, N: first / width, W: width}
		last := first + width
		if last > size {
			last = size
			tile.W = int(size - first)
		}
		write(dir, strings.Replace(path(tile), "tile/0/", "tile/entries/", 1), pack(entries[first:last]))
	}
	checkpoint := func(size int64, signers ...note.Signer) []byte {
		root, err := tlog.TreeHash(size, reader)
		must(err)
		signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", name, size, root)}, signers...)
		must(err)
		return signed
	}
	signed := checkpoint(size, signer, by)
	write(dir, "checkpoint", signed)
	write(dir, "older", checkpoint(oldSize, signer))
	growth, err := tlog.ProveTree(size, oldSize, reader)
	must(err)
	write(dir, "growth", []byte(lines(growth)))
	proof, err := tlog.ProveRecord(size, index, reader)
	must(err)
	extra := base64.StdEncoding.EncodeToString(entries[index])
	head := fmt.Sprintf("c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n%s\n", extra, index, lines(proof))
	write(dir, "entry.tlog-proof", append([]byte(head), signed...))
	fmt.Println(vkey)
	public := append([]byte{4}, by.public...)
	fmt.Printf("%s+%08x+%s\n", by.name, by.KeyHash(), base64.StdEncoding.EncodeToString(public))
}

// Entries behind their lengths, two bytes big-endian.
func unpack(bundle []byte) [][]byte {
	var entries [][]byte
	for len(bundle) > 0 {
		length := int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:2+length])
		bundle = bundle[2+length:]
	}
	return entries
}

func pack(entries [][]byte) []byte {
	var bundle []byte
	for _, entry := range entries {
		bundle = append(bundle, byte(len(entry)>>8), byte(len(entry)))
		bundle = append(bundle, entry...)
	}
	return bundle
}

func write(dir, name string, data []byte) {
	file := filepath.Join(dir, name)
	must(os.MkdirAll(filepath.Dir(file), 0o755))
	must(os.WriteFile(file, data, 0o644))
}

func lines(hashes []tlog.Hash) string {
	var text strings.Builder
	for _, hash := range hashes {
		text.WriteString(hash.String() + "\n")
	}
	return text.String()
}

func printHashes(hashes []tlog.Hash) { fmt.Print(lines(hashes)) }

func hashesOf(words []string) []tlog.Hash {
	var hashes []tlog.Hash
	for _, word := range words {
		hash, err := tlog.ParseHash(word)
		must(err)
		hashes = append(hashes, hash)
	}
	return hashes
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return value
}

func decode(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return data
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
