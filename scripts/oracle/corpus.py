"""The text that the fixture tokenizers are trained on.

Written for this purpose, so that the committed `tokenizer.model` files depend on nothing from
outside the repository. It only has to make SentencePiece learn a few hundred ordinary pieces:
words with and without a leading space, some code, some Chinese, runs of spaces.
"""

PARAGRAPHS = [
    "The user asks a question and the assistant gives an answer. A good answer is short, true and kind.",
    "Why is the sky blue? Because the air scatters blue light more than red light.",
    "Hello! How are you today? I am fine, thank you. What can I do for you?",
    "Please write a function that adds two numbers and returns the sum of them.",
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n    print(add(i, 1))",
    "if (value == null) {\n        return false;\n    }\n",
    "The answer to the question is 42. The year is 1984, and the price is 3.14.",
    "I am sorry, but I cannot help you with that request. It would not be safe.",
    "Once upon a time there was a starling that could not sing. The other birds were kind to it.",
    "In the morning the farmer walked to the river and washed his hands in the cold water.",
    "你好，世界。今天的天气很好。我们学习中文和英文。请问你是谁？我是一个人工智能助手。",
    "谢谢你的帮助。这个问题的答案是什么？我不知道。",
    "user assistant system user assistant system user assistant user assistant",
    "The  spaces   in    this     line      are       many. And some are trailing.   ",
    "See https://example.com/path?query=1&page=2 for more information about this.",
    '{"name": "starling", "score": 1.5, "tags": ["a", "b"]}',
    "She said that the best way to learn is to teach. He said that he would think about it.",
    "No. Yes. Maybe. It depends on the weather, on the time of day and on the people there.",
]

# SentencePiece splits its input at line ends: every paragraph is given line by line, each several
# times, so that the counts are high enough for merges.
SENTENCES = [line for _ in range(4) for paragraph in PARAGRAPHS for line in paragraph.split("\n") if line]
