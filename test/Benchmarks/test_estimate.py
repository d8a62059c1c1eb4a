# RUN: %python %s
"""What benchmarks/estimate counts in a kernel."""

import unittest

from estimate import COLUMNS, loops

#: An outer loop, one with two lookups and one with a dot product of what is looked up.
ASSEMBLY = """\
.LBB0_1:
	vpshufb	%zmm1, %zmm2, %zmm3
.LBB0_2:
	vpshufb	%zmm1, %zmm2, %zmm3
	vpshufb	%zmm4, %zmm2, %zmm5
	jne	.LBB0_2
.LBB0_3:
	vpermb	%zmm1, %zmm2, %zmm3
	vpdpbusd	%zmm3, %zmm4, %zmm5
	jne	.LBB0_3
	jne	.LBB0_1
"""


class EstimateTest(unittest.TestCase):
    def test_bytes_of_codes_by_kind_of_weight(self) -> None:
        found = {column.name: [loop.code_bytes for loop in loops(ASSEMBLY, column)] for column in COLUMNS}
        self.assertEqual(found["2"], [64, 32])
        self.assertEqual(found["in threes"], [80])
        self.assertEqual(found["triples"], [64 * 5 / 24])

    def test_no_loop(self) -> None:
        self.assertEqual(loops("\tret\n"), [])


if __name__ == "__main__":
    unittest.main()
