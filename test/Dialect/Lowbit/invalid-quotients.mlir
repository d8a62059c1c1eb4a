// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{quotients are stored as f16 in place of zetas, but zeta is 'f32'; write zeta = f16, or leave quotients out}}
func.func private @wide() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, zeta = f32, quotients = true>}

// -----

// expected-error @+1 {{quotients are stored as f16 in place of zetas, but zeta is 'none'}}
func.func private @none() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, quotients = true>}

// -----

// expected-error @+1 {{quotients of an alpha stand for zetas of #lowbit.bipolar weights, but the format is #lowbit.bcq<planes = 2, group = 16>}}
func.func private @bcq() attributes {lowbit.example = #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>,
    #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>>}
