{
  # One static library per instruction set, all from kernels.cc. addon.cc chooses at run time.
  "target_defaults": {
    "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-Wall", "-Wextra", "-Wno-psabi"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    # g++ for ARM schedules instructions before it allocates registers. The tile's accumulators would then be spilled.
    "conditions": [["target_arch=='arm64'", { "cflags_cc": ["-fno-schedule-insns"] }]],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "OTHER_CPLUSPLUSFLAGS": ["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
    }
  },
  "targets": [
    {
      "target_name": "baseline",
      "type": "static_library",
      "sources": ["kernels.cc"],
      "defines": ["KERNELS=baseline"]
    },
    {
      "target_name": "scanstroke",
      "type": "loadable_module",
      "sources": ["addon.cc"],
      "defines": ["NAPI_VERSION=8"],
      "dependencies": ["baseline"],
      "conditions": [["target_arch=='x64'", { "dependencies": ["avx2", "avx512"] }]]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "avx2",
          "type": "static_library",
          "sources": ["kernels.cc"],
          "defines": ["KERNELS=avx2"],
          "cflags_cc": ["-mavx2", "-mfma", "-mf16c"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mf16c"] }
        },
        {
          "target_name": "avx512",
          "type": "static_library",
          "sources": ["kernels.cc"],
          "defines": ["KERNELS=avx512"],
          "cflags_cc": ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma"] }
        }
      ]
    }]
  ]
}
