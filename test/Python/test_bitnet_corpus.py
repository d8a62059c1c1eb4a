# RUN: %python %s
"""The data recipe of examples/bitnet: what it takes out of packages (made-up ones), and what it holds out."""

import struct
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "bitnet"))
import corpus
import pages
import sources

SHARED = "A paragraph of far more than a hundred characters, such as all packages of one library have in common."


class Descriptions(unittest.TestCase):
    def test_paragraphs_are_joined_and_lists_keep_their_lines(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "translation.txt").write_text(
                "Package: a\nDescription-md5: 0\nDescription-en: short\n One line\n and the next.\n .\n It has:\n"
                "  * an item\n    of two lines\n  * another\n\nPackage: b\nDescription-en: only short\n"
            )
            found = list(sources.descriptions(Path(directory)))
        self.assertEqual(
            found, ["short\n\nOne line and the next.\n\nIt has:\n- an item of two lines\n- another", "only short"]
        )

    def test_two_of_a_family_stay_and_share_a_side(self) -> None:
        texts = [
            f"package number {'i' * n}\n\n{SHARED}\n\nIt is the one that has {n} parts of the whole, no more."
            for n in range(1, 6)
        ]
        other = "quite another package\n\n" + "It shares no words with any of the others at all, not even one. " * 3
        kept = list(corpus.distinct_descriptions(iter([*texts, other, texts[0], "too short"])))
        self.assertEqual([text for _, text in kept], [*(corpus.normalize(text) for text in texts[3:]), other.strip()])
        self.assertEqual(kept[0][0], kept[1][0])
        self.assertNotEqual(kept[0][0], kept[2][0])

    def test_other_languages_are_left_out(self) -> None:
        self.assertTrue(corpus.is_english("A program that draws pictures, and a library beside it."))
        self.assertFalse(corpus.is_english("Программа, которая рисует картинки"))
        self.assertFalse(corpus.is_english("0x00 0x01 0x02 (3) [4] {5} 6 7 8"))

    def test_most_documents_are_for_training(self) -> None:
        sides = [corpus.side(f"document {i}") for i in range(4000)]
        self.assertEqual(sides, [corpus.side(f"document {i}") for i in range(4000)])
        for name in ("valid", "test"):
            self.assertTrue(20 < sides.count(name) < 80, sides.count(name))


class Manuals(unittest.TestCase):
    def test_prose_is_taken_and_code_is_not(self) -> None:
        sentence = "This sentence is long enough to be kept as prose, one would say."
        html = (
            f"<h1>Title&#182;</h1><nav><p>{sentence} Menu.</p></nav><p>{sentence}</p><pre>{sentence}</pre><p>Short.</p>"
        )
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "a.html").write_text(html)
            Path(directory, "b.html").write_text(f"<h1>Again</h1><p>{sentence}</p>")
            self.assertEqual(list(pages.manual(Path(directory))), [f"Title\n\n{sentence}"])


class Books(unittest.TestCase):
    def test_chapters_are_cut_at_headings(self) -> None:
        lines = ["A Title", "CHAPTER I", "", "First _line_", "goes on.", "", "Next.", "Chapter 2", "Second."]
        self.assertEqual(list(sources._chapters(lines)), ["A Title", "First line goes on.\n\nNext.", "Second."])

    def test_r_vectors_are_read(self) -> None:
        words = [b"one", b"", b"three"]
        stored = b"X\n" + struct.pack(">II", 16, len(words))
        stored += b"".join(b"\x00\x04\x00\x09" + struct.pack(">i", len(word)) + word for word in words)
        self.assertEqual(list(sources._r_strings(stored)), ["one", "", "three"])
        self.assertEqual(list(sources._r_strings(b"no vector")), [])

    def test_verses_are_read_without_notes(self) -> None:
        verses = [
            b'<chapter osisID="Gen.1" sID="Gen.1"/>',
            b'<div sID="g1" type="x-p"/><w lemma="x">In</w> the beginning<note n="1">a <b>note</b></note>.',
            b'<l sID="l1"/>A line.',
        ]
        spans, start = b"", 0
        for verse in verses:
            spans += struct.pack("<IIH", 0, start, len(verse))
            start += len(verse)
        block = zlib.compress(b"".join(verses))
        with tempfile.TemporaryDirectory() as directory:
            for testament, content in (
                ("ot", (struct.pack("<III", 0, len(block), start), spans, block)),
                ("nt", (b"", b"", b"")),
            ):
                for suffix, data in zip((".bzs", ".bzv", ".bzz"), content, strict=True):
                    Path(directory, testament + suffix).write_bytes(data)
            chapters = [corpus.normalize(chapter) for chapter in sources._bible(Path(directory))]
        self.assertIn("In the beginning .\nA line.", chapters)


if __name__ == "__main__":
    unittest.main()
