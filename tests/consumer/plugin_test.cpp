// A plugin with a Taper inside is loaded and unloaded by a program that has one as well.
#include <taper/taper.hpp>

#include <thread>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace {

class Plugin {
 public:
  Plugin() : handle_(dlopen(CONSUMER_PLUGIN, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) throw std::runtime_error(dlerror());
  }
  Plugin(const Plugin&) = delete;
  ~Plugin() { dlclose(handle_); }

  template <class Function>
  Function* find(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

// 256 x 256 weights with a slope of 512 / 2 each.
constexpr double expected = 256.0 * 256 * 256;

TEST(Plugin, IsLoadedAndUnloaded) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Plugin().find<double()>("train")(), expected);
}

TEST(Plugin, IsUsedOnAThreadThatEndsBeforeItIsUnloaded) {
  for (int i = 0; i < 20; ++i) {
    const Plugin plugin;
    double sum = 0;
    std::thread([&] { sum = plugin.find<double()>("train")(); }).join();
    EXPECT_EQ(sum, expected);
  }
}

TEST(Plugin, ThrowsOurErrors) { EXPECT_THROW(Plugin().find<void()>("fail")(), taper::Error); }

// Nobody else finds its Taper, unless that is a library that it shares.
TEST(Plugin, HidesItsTaper) {
  EXPECT_EQ(Plugin().find<int()>("_ZN5taper12thread_countEv") != nullptr, CONSUMER_TAPER_IS_SHARED);
}

}  // namespace
