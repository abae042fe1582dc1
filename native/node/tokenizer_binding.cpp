#include "node/tokenizer_binding.h"

#include <cstring>
#include <memory>

#include "node/arguments.h"
#include "support/failure.h"
#include "tokenizer/byte_pair_tokenizer.h"
#include "tokenizer/sentence_piece_tokenizer.h"

namespace starling {

namespace {

template <typename Array>
Array typed_array(const Napi::Object& object, const char* name, napi_typedarray_type type) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(object.Env(), std::string("Expected another typed array for ") + name + ".");
  }
  return value.As<Array>();
}

template <typename Element, typename Array>
std::vector<Element> copied(const Array& array) {
  return std::vector<Element>(array.Data(), array.Data() + array.ElementLength());
}

std::string read_bytes(const Napi::Object& object, const char* name) {
  const auto bytes = typed_array<Napi::Uint8Array>(object, name, napi_uint8_array);
  return std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ElementLength());
}

std::vector<int32_t> read_ids(const Napi::Object& object, const char* name) {
  return copied<int32_t>(typed_array<Napi::Int32Array>(object, name, napi_int32_array));
}

/** The fields that both kinds of vocabulary have. */
template <typename Kind>
Kind read_parts(const Napi::Object& object) {
  Kind vocabulary;
  vocabulary.bytes = read_bytes(object, "bytes");
  vocabulary.offsets = copied<uint32_t>(typed_array<Napi::Uint32Array>(object, "offsets", napi_uint32_array));
  vocabulary.types = copied<uint8_t>(typed_array<Napi::Uint8Array>(object, "types", napi_uint8_array));
  vocabulary.added_tokens = read_ids(object, "addedTokens");
  vocabulary.normalized_added_tokens = read_ids(object, "normalizedAddedTokens");
  vocabulary.wrapper = {read_ids(object, "before"), read_ids(object, "after"),
                        object.Get("padTokenId").ToNumber().Int32Value()};
  return vocabulary;
}

WordSplit read_split(const Napi::Object& object) {
  const std::string split = object.Get("split").ToString();
  if (split == "llama-bpe") return WordSplit::llama_bpe;
  if (split == "qwen2") return WordSplit::qwen2;
  if (split == "gpt-2") return WordSplit::gpt_2;
  throw Napi::TypeError::New(object.Env(), "Expected \"llama-bpe\", \"qwen2\" or \"gpt-2\" for vocabulary.split " +
                                               ("but received \"" + split + "\"."));
}

BytePairVocabulary read_byte_pair(const Napi::Object& object) {
  auto vocabulary = read_parts<BytePairVocabulary>(object);
  vocabulary.merges = read_bytes(object, "merges");
  vocabulary.merge_offsets =
      copied<uint32_t>(typed_array<Napi::Uint32Array>(object, "mergeOffsets", napi_uint32_array));
  vocabulary.split = read_split(object);
  vocabulary.ignore_merges = object.Get("ignoreMerges").ToBoolean();
  vocabulary.composes = object.Get("composes").ToBoolean();
  return vocabulary;
}

SentencePieceVocabulary read_sentence_piece(const Napi::Object& object) {
  auto vocabulary = read_parts<SentencePieceVocabulary>(object);
  vocabulary.scores = copied<float>(typed_array<Napi::Float32Array>(object, "scores", napi_float32_array));
  vocabulary.add_dummy_prefix = object.Get("addDummyPrefix").ToBoolean();
  vocabulary.add_prefix_space = object.Get("addPrefixSpace").ToBoolean();
  vocabulary.longest_first = object.Get("longestFirst").ToBoolean();
  return vocabulary;
}

std::shared_ptr<const TokenizerBase> read_vocabulary(const Napi::Object& object) {
  const std::string kind = object.Get("kind").ToString();
  if (kind == "byte-pair") return std::make_shared<const BytePairTokenizer>(read_byte_pair(object));
  if (kind == "sentencepiece") return std::make_shared<const SentencePieceTokenizer>(read_sentence_piece(object));
  throw Napi::TypeError::New(
      object.Env(), "Expected \"sentencepiece\" or \"byte-pair\" for vocabulary.kind but received \"" + kind + "\".");
}

TokenizationMode read_mode(const Napi::Value& value) {
  const std::string name = value.ToString();
  if (name == "slow") return TokenizationMode::slow;
  if (name == "fast-4.41") return TokenizationMode::fast_4_41;
  if (name == "fast-4.42") return TokenizationMode::fast_4_42;
  if (name == "byte-bpe") return TokenizationMode::byte_bpe;
  throw Napi::TypeError::New(value.Env(), "Unknown tokenization mode \"" + name + "\".");
}

using Texts = std::vector<std::vector<std::string>>;

Texts read_texts(const Napi::Value& value) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "Expected an array for texts.");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  // No reserve(): an array may claim any length and be empty.
  Texts texts;
  for (uint32_t i = 0; i < length; i++) {
    const Napi::HandleScope scope(value.Env());
    const Napi::Value parts = array.Get(i);
    if (!parts.IsArray()) throw Napi::TypeError::New(value.Env(), "Expected an array of parts for each text.");
    const auto list = parts.As<Napi::Array>();
    const uint32_t count = list.Length();
    texts.emplace_back();
    for (uint32_t j = 0; j < count; j++) {
      const Napi::Value part = list.Get(j);
      if (!part.IsString()) throw Napi::TypeError::New(value.Env(), "Expected a string for each part of a text.");
      texts.back().push_back(part.As<Napi::String>().Utf8Value());
    }
  }
  return texts;
}

struct EncodeRequest {
  Texts texts;
  /** For all texts; `wrapped` is set for each. */
  EncodeOptions options;
  /** One flag per text, or empty. */
  std::vector<uint8_t> wrapped;
  /** One per text, or empty. */
  Texts prompts;
};

EncodeRequest read_request(const Napi::CallbackInfo& info) {
  if (!info[1].IsObject()) throw Napi::TypeError::New(info.Env(), "Expected an object for options.");
  const auto object = info[1].As<Napi::Object>();
  const Napi::Value max_tokens = object.Get("maxTokens");
  EncodeRequest request;
  request.options.mode = read_mode(object.Get("mode"));
  request.options.max_tokens = max_tokens.IsNumber() ? max_tokens.As<Napi::Number>().Uint32Value() : 0;
  if (request.options.max_tokens == 0)
    throw Napi::RangeError::New(info.Env(), "Expected options.maxTokens of at least 1.");
  request.texts = read_texts(info[0]);
  if (!object.Get("wrapped").IsUndefined()) {
    request.wrapped = copied<uint8_t>(typed_array<Napi::Uint8Array>(object, "wrapped", napi_uint8_array));
  }
  if (!object.Get("prompts").IsUndefined()) request.prompts = read_texts(object.Get("prompts"));
  return request;
}

class EncodeWorker final : public Napi::AsyncWorker {
 public:
  EncodeWorker(Napi::Env env, std::shared_ptr<const TokenizerBase> tokenizer, EncodeRequest request)
      : AsyncWorker(env), tokenizer_(std::move(tokenizer)), request_(std::move(request)), deferred_(env) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      encode();
    } catch (...) {
      SetError(Failure::current("The texts could not be tokenised").what());
    }
  }

  /** Always settles the promise. */
  void OnOK() override {
    try {
      deferred_.Resolve(results());
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (...) {
      deferred_.Reject(Napi::Error::New(Env(), "Not enough memory for the ids of the texts.").Value());
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  void encode() {
    const auto& [texts, options, wrapped, prompts] = request_;
    encoded_.reserve(texts.size());
    for (size_t i = 0; i < texts.size(); i++) {
      EncodeOptions own = options;
      own.wrapped = i < wrapped.size() && wrapped[i] != 0;
      encoded_.push_back(i < prompts.size() ? tokenizer_->encode(texts[i], own, prompts[i])
                                            : tokenizer_->encode(texts[i], own));
    }
  }

  Napi::Array results() {
    const auto results = Napi::Array::New(Env(), encoded_.size());
    for (uint32_t i = 0; i < encoded_.size(); i++) {
      const Napi::HandleScope scope(Env());
      const EncodedText& encoded = encoded_[i];
      auto ids = Napi::Int32Array::New(Env(), encoded.ids.size());
      if (!encoded.ids.empty()) {
        std::memcpy(ids.Data(), encoded.ids.data(), encoded.ids.size() * sizeof(int32_t));
      }
      const auto result = Napi::Object::New(Env());
      result.Set("ids", ids);
      result.Set("totalTokens", encoded.total_tokens);
      result.Set("firstPad", encoded.first_pad);
      result.Set("lastNonPad", encoded.last_non_pad);
      result.Set("promptTokens", encoded.prompt_tokens);
      results.Set(i, result);
    }
    return results;
  }

  std::shared_ptr<const TokenizerBase> tokenizer_;
  EncodeRequest request_;
  std::vector<EncodedText> encoded_;
  Napi::Promise::Deferred deferred_;
};

class TokenizerBinding final : public Napi::ObjectWrap<TokenizerBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    const Napi::Function constructor =
        DefineClass(env, "Tokenizer", {InstanceMethod<&TokenizerBinding::encode>("encode")});
    constructor.Get("prototype")
        .As<Napi::Object>()
        .DefineProperty(Napi::PropertyDescriptor::Accessor<&TokenizerBinding::vocabulary_size>("vocabularySize"));
    return constructor;
  }

  /** Marks the objects of this class: Node does not check the receiver of a getter. */
  static constexpr napi_type_tag TAG{0x41c7e96d2f0b4853, 0x9e3a6c81d75b204f};

  /** new Tokenizer(vocabulary: Vocabulary) */
  explicit TokenizerBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "Expected an object for vocabulary.");
    tokenizer_ = with_js_errors(info.Env(), "The vocabulary could not be read", [&] {
      try {
        return read_vocabulary(info[0].As<Napi::Object>());
      } catch (const std::invalid_argument& problem) {
        throw Napi::RangeError::New(info.Env(), problem.what());
      }
    });
    info.This().As<Napi::Object>().TypeTag(&TAG);
  }

 private:
  static Napi::Value vocabulary_size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), receiver<TokenizerBinding>(info)->tokenizer_->size());
  }

  /** encode(texts: string[][], options: EncodeOptions): Promise<EncodedText[]> */
  Napi::Value encode(const Napi::CallbackInfo& info) {
    auto request = with_js_errors(info.Env(), "The texts could not be copied", [&] { return read_request(info); });
    auto worker = std::make_unique<EncodeWorker>(info.Env(), tokenizer_, std::move(request));
    const Napi::Promise promise = worker->promise();
    worker->Queue();
    worker.release();  // It deletes itself.
    return promise;
  }

  std::shared_ptr<const TokenizerBase> tokenizer_;
};

}  // namespace

void init_tokenizer(Napi::Env env, Napi::Object exports) { exports.Set("Tokenizer", TokenizerBinding::define(env)); }

}  // namespace starling
