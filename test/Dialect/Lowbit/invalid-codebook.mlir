// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a codebook's indices are not halves of tables; leave symmetric out}}
func.func private @symmetric() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, symmetric = true, codebook = [0, 1]>}

// -----

// expected-error @+1 {{a codebook has 1 to 16 codes, but this one has 17}}
func.func private @many() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16,
    codebook = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]>}

// -----

// expected-error @+1 {{a codebook has 1 to 16 codes, but this one has 0}}
func.func private @none() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, codebook = []>}

// -----

// expected-error @+1 {{a codebook's codes ascend from 0 to 255 at most, but code 1 is 5}}
func.func private @twice() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, codebook = [5, 5]>}

// -----

// expected-error @+1 {{a codebook's codes ascend from 0 to 255 at most, but code 1 is 256}}
func.func private @large() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, codebook = [5, 256]>}

// -----

// expected-error @+1 {{only codes of #lowbit.bipolar weights are stored as indices into a codebook, but the format is #lowbit.bcq<planes = 5, group = 8>}}
func.func private @bcq() attributes {lowbit.example = #lowbit.packed<#lowbit.bcq<planes = 5, group = 8>,
    #lowbit.layout<rows = 64, alpha = f16, zeta = f16, codebook = [1, 2]>>}

// -----

// expected-error @+1 {{code 32 of the codebook has more than the 5 bits of #lowbit.bipolar<planes = 5, group = 8, zeta = 1.000000e+00 : f32>}}
func.func private @bits() attributes {lowbit.example = #lowbit.packed<#lowbit.bipolar<planes = 5, group = 8, zeta = 1.0 : f32>,
    #lowbit.layout<rows = 64, alpha = f16, codebook = [1, 32]>>}
