# CMake's toolchain file for build.mjs: zig as compiler and linker for another platform. ZIG is its path; ZIG_TARGET is what it
# calls the platform, for example aarch64-linux-gnu.2.28.
set(CMAKE_SYSTEM_NAME "${ZIG_SYSTEM}")
set(CMAKE_SYSTEM_PROCESSOR "${ZIG_PROCESSOR}")
set(CMAKE_CXX_COMPILER "${ZIG}" c++ -target "${ZIG_TARGET}")
# Not used; CMake looks for them.
set(CMAKE_AR "${ZIG}" CACHE FILEPATH "")
set(CMAKE_RANLIB "${ZIG}" CACHE FILEPATH "")
set(CMAKE_RC_COMPILER "${ZIG}")

# What CMake would otherwise find out by linking programs, each against a C++ library that zig compiles for it.
set(CMAKE_CXX_COMPILER_FORCED TRUE)
set(CMAKE_CXX_COMPILER_ID_RUN TRUE)
set(CMAKE_CXX_COMPILER_ID Clang)
set(CMAKE_CXX_COMPILER_FRONTEND_VARIANT GNU)
set(CMAKE_CXX_COMPILER_VERSION 20.1)
set(CMAKE_CXX_STANDARD_COMPUTED_DEFAULT 17)
set(CMAKE_CXX_EXTENSIONS_COMPUTED_DEFAULT ON)
set(CMAKE_HAVE_LIBC_PTHREAD TRUE CACHE INTERNAL "")
set(CMAKE_HAVE_PTHREAD_H TRUE CACHE INTERNAL "")

# Small, and the same bytes wherever the checkout is. libc++'s headers are incomplete in what Clang's own warning asks of them.
set(CMAKE_CXX_FLAGS_INIT
  "-ffunction-sections -fdata-sections \"-ffile-prefix-map=${ZIG_SOURCE_ROOT}=.\" -Wno-nullability-completeness -fvisibility-global-new-delete=force-hidden")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-s -Wl,--gc-sections")
if(ZIG_SYSTEM STREQUAL "Darwin")
  # -s keeps the names of local symbols there.
  string(APPEND CMAKE_SHARED_LINKER_FLAGS_INIT " -Wl,-x")
endif()
set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX "${CMAKE_CURRENT_LIST_DIR}/zig-rules.cmake")
