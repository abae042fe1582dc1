/**
 * Parts of the C++ library that the prebuilt addons bring themselves: what is defined here is not linked from zig's
 * static library.
 */
#include <cstddef>
#include <cstdlib>
#include <new>

/** Readable type names in the message of std::terminate are not worth 200 KB. */
extern "C" char* __cxa_demangle(const char*, char*, size_t*, int* status) {
  constexpr int INVALID_NAME = -2;
  if (status != nullptr) *status = INVALID_NAME;
  return nullptr;
}

#ifdef __APPLE__
/**
 * zig's linker has no list of exported symbols for Mach-O, and its library's operators are exported: other libraries in
 * the process would use them. These are hidden (-fvisibility-global-new-delete).
 */
namespace {

void* allocate(size_t size, size_t alignment) noexcept {
  for (;;) {
    void* memory = nullptr;
    if (alignment <= alignof(std::max_align_t))
      memory = std::malloc(size == 0 ? 1 : size);
    else if (posix_memalign(&memory, alignment, size) != 0)
      memory = nullptr;
    const std::new_handler handler = memory == nullptr ? std::get_new_handler() : nullptr;
    if (handler == nullptr) return memory;
    handler();
  }
}

void* allocate_or_throw(size_t size, size_t alignment) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](size_t size) { return allocate_or_throw(size, 1); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(size_t size, std::align_val_t to) { return allocate_or_throw(size, static_cast<size_t>(to)); }
void* operator new[](size_t size, std::align_val_t to) { return allocate_or_throw(size, static_cast<size_t>(to)); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
#endif
