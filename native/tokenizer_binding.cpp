#include "tokenizer_binding.h"

#include <cstring>
#include <memory>

#include "tokenizer.h"

namespace starling {

namespace {

template <typename Array>
Array typed_array(const Napi::Object & object, const char * name, napi_typedarray_type type) {
    const Napi::Value value = object.Get(name);
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
        throw Napi::TypeError::New(object.Env(), std::string("vocabulary.") + name + " has the wrong type");
    }
    return value.As<Array>();
}

template <typename Element, typename Array>
std::vector<Element> copied(const Array & array) {
    return std::vector<Element>(array.Data(), array.Data() + array.ElementLength());
}

Vocabulary read_vocabulary(const Napi::Object & object) {
    Vocabulary vocabulary;
    const auto bytes = typed_array<Napi::Uint8Array>(object, "bytes", napi_uint8_array);
    vocabulary.bytes.assign(reinterpret_cast<const char *>(bytes.Data()), bytes.ElementLength());
    vocabulary.offsets =
        copied<uint32_t>(typed_array<Napi::Uint32Array>(object, "offsets", napi_uint32_array));
    vocabulary.scores = copied<float>(typed_array<Napi::Float32Array>(object, "scores", napi_float32_array));
    vocabulary.types = copied<uint8_t>(typed_array<Napi::Uint8Array>(object, "types", napi_uint8_array));
    vocabulary.added_tokens =
        copied<int32_t>(typed_array<Napi::Int32Array>(object, "addedTokens", napi_int32_array));
    vocabulary.normalized_added_tokens =
        copied<int32_t>(typed_array<Napi::Int32Array>(object, "normalizedAddedTokens", napi_int32_array));
    vocabulary.add_dummy_prefix = object.Get("addDummyPrefix").ToBoolean();
    vocabulary.add_prefix_space = object.Get("addPrefixSpace").ToBoolean();
    vocabulary.pad_token_id = object.Get("padTokenId").ToNumber().Int32Value();
    return vocabulary;
}

TokenizationMode read_mode(const Napi::Value & value) {
    const std::string name = value.ToString();
    if (name == "slow") return TokenizationMode::slow;
    if (name == "fast-4.41") return TokenizationMode::fast_4_41;
    if (name == "fast-4.42") return TokenizationMode::fast_4_42;
    throw Napi::TypeError::New(value.Env(), "there is no tokenization mode \"" + name + "\"");
}

using Texts = std::vector<std::vector<std::string>>;

Texts read_texts(const Napi::Value & value) {
    if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "texts is no array");
    const auto array = value.As<Napi::Array>();
    Texts texts(array.Length());
    for (uint32_t i = 0; i < array.Length(); i++) {
        const Napi::HandleScope scope(value.Env());
        const Napi::Value parts = array.Get(i);
        if (!parts.IsArray()) throw Napi::TypeError::New(value.Env(), "a text is no array of parts");
        const auto list = parts.As<Napi::Array>();
        for (uint32_t j = 0; j < list.Length(); j++) {
            const Napi::Value part = list.Get(j);
            if (!part.IsString()) throw Napi::TypeError::New(value.Env(), "a part of a text is no string");
            texts[i].push_back(part.As<Napi::String>().Utf8Value());
        }
    }
    return texts;
}

class EncodeWorker final : public Napi::AsyncWorker {
public:
    EncodeWorker(Napi::Env env, std::shared_ptr<const Tokenizer> tokenizer, Texts texts, TokenizationMode mode,
                 uint32_t max_tokens, Texts stems)
        : AsyncWorker(env),
          tokenizer_(std::move(tokenizer)),
          texts_(std::move(texts)),
          mode_(mode),
          max_tokens_(max_tokens),
          stems_(std::move(stems)),
          deferred_(env) {}

    Napi::Promise promise() const { return deferred_.Promise(); }

protected:
    void Execute() override {
        encoded_.reserve(texts_.size());
        for (size_t i = 0; i < texts_.size(); i++) {
            const bool has_stem = i < stems_.size();
            encoded_.push_back(has_stem ? tokenizer_->encode(texts_[i], mode_, max_tokens_, stems_[i])
                                        : tokenizer_->encode(texts_[i], mode_, max_tokens_));
        }
    }

    void OnOK() override {
        const Napi::HandleScope scope(Env());
        const auto results = Napi::Array::New(Env(), encoded_.size());
        for (uint32_t i = 0; i < encoded_.size(); i++) {
            const EncodedText & encoded = encoded_[i];
            auto ids = Napi::Int32Array::New(Env(), encoded.ids.size());
            if (!encoded.ids.empty()) {
                std::memcpy(ids.Data(), encoded.ids.data(), encoded.ids.size() * sizeof(int32_t));
            }
            const auto result = Napi::Object::New(Env());
            result.Set("ids", ids);
            result.Set("totalTokens", encoded.total_tokens);
            result.Set("firstPad", encoded.first_pad);
            result.Set("stemTokens", encoded.stem_tokens);
            results.Set(i, result);
        }
        deferred_.Resolve(results);
    }

    void OnError(const Napi::Error & error) override { deferred_.Reject(error.Value()); }

private:
    std::shared_ptr<const Tokenizer> tokenizer_;
    Texts texts_;
    TokenizationMode mode_;
    uint32_t max_tokens_;
    Texts stems_;
    std::vector<EncodedText> encoded_;
    Napi::Promise::Deferred deferred_;
};

class TokenizerBinding final : public Napi::ObjectWrap<TokenizerBinding> {
public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Tokenizer",
                           {
                               InstanceAccessor<&TokenizerBinding::vocabulary_size>("vocabularySize"),
                               InstanceMethod<&TokenizerBinding::encode>("encode"),
                           });
    }

    // new Tokenizer(vocabulary: Vocabulary)
    explicit TokenizerBinding(const Napi::CallbackInfo & info) : ObjectWrap(info) {
        if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "Tokenizer needs a vocabulary");
        try {
            tokenizer_ = std::make_shared<const Tokenizer>(read_vocabulary(info[0].As<Napi::Object>()));
        } catch (const std::invalid_argument & problem) {
            throw Napi::RangeError::New(info.Env(), problem.what());
        }
    }

private:
    Napi::Value vocabulary_size(const Napi::CallbackInfo & info) {
        return Napi::Number::New(info.Env(), tokenizer_->size());
    }

    // encode(texts: string[][], mode: string, maxTokens: number, stems?: string[][]): Promise<EncodedText[]>
    Napi::Value encode(const Napi::CallbackInfo & info) {
        const uint32_t max_tokens = info[2].IsNumber() ? info[2].As<Napi::Number>().Uint32Value() : 0;
        if (max_tokens == 0) throw Napi::RangeError::New(info.Env(), "maxTokens must be at least 1");
        Texts stems = info[3].IsUndefined() ? Texts() : read_texts(info[3]);
        auto * worker =
            new EncodeWorker(info.Env(), tokenizer_, read_texts(info[0]), read_mode(info[1]), max_tokens, std::move(stems));
        const Napi::Promise promise = worker->promise();
        worker->Queue();
        return promise;
    }

    std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace

void init_tokenizer(Napi::Env env, Napi::Object exports) {
    exports.Set("Tokenizer", TokenizerBinding::define(env));
}

}  // namespace starling
