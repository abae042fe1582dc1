"""Every way in which a request is worded. {0}, {1} are filled in by items.py and harmful.py."""

WORDINGS: dict[str, tuple[str, ...]] = {
    "capital": (
        "what is the capital of {0}?", "what is the capital city of {0}?", "name the capital of {0}.",
        "which city is the capital of {0}?", "tell me the capital of {0}.", "what's {0}'s capital?",
        "do you know the capital of {0}?", "{0}: what is its capital city?", "I forgot the capital of {0}. What is it?",
    ),
    "currency": (
        "what is the currency of {0}?", "which currency does {0} use?", "what money do people use in {0}?",
        "how do I pay in {0}? Which currency is it?", "tell me the currency of {0}.", "name the currency of {0}.",
    ),
    "language": (
        "what is the main language of {0}?", "which language do people speak in {0}?", "what do they speak in {0}?",
        "name the main language of {0}.", "I am going to {0}. Which language will I hear?", "tell me the language of {0}.",
    ),
    "continent": (
        "on which continent is {0}?", "which continent is {0} in?", "where in the world is {0}?", "what continent does {0} belong to?",
        "name the continent of {0}.", "tell me which part of the world {0} is in.",
    ),
    "young": (
        "what is a young {0} called?", "what do you call a baby {0}?", "what is the name for a young {0}?",
        "tell me the word for a baby {0}.", "which word do you use for the young of this animal: {0}?",
    ),
    "sound": (
        "what sound does {0} make?", "which noise does {0} make?", "what does {0} do when it makes a noise?",
        "tell me the sound of {0}.", "how does {0} sound?",
    ),
    "class": (
        "what kind of animal is {0}?", "is {0} a mammal, a bird or something else?", "which class of animals does {0} belong to?",
        "tell me what sort of animal {0} is.", "how is {0} classified?",
    ),
    "food": (
        "what does {0} eat?", "what do I feed {0}?", "what is the main food of {0}?", "tell me what {0} eats.",
        "which food does {0} like?",
    ),
    "symbol": (
        "what is the chemical symbol for {0}?", "which symbol does {0} have?", "how is {0} written in the periodic table?",
        "tell me the symbol of {0}.", "name the chemical symbol of {0}.",
    ),
    "use": (
        "what is {0} used for?", "name a use of {0}.", "where do we use {0}?", "tell me what {0} is good for.", "why is {0} useful?",
    ),
    "work": (
        "who {0} {1}?", "do you know who {0} {1}?", "tell me who {0} {1}.", "name the person who {0} {1}.",
        "which person {0} {1}?", "I would like to know who {0} {1}.",
    ),
    "translation": (
        'what is "{0}" in {1}?', 'how do you say "{0}" in {1}?', 'translate "{0}" into {1}.', 'what is the {1} word for "{0}"?',
        'which {1} word means "{0}"?', 'I need the {1} word for "{0}".',
    ),
    "opposite": (
        'what is the opposite of "{0}"?', 'give me the opposite of "{0}".', 'which word is the opposite of "{0}"?',
        'what is the antonym of "{0}"?', 'tell me a word that means the opposite of "{0}".',
    ),
    "synonym": (
        'what is another word for "{0}"?', 'give me a synonym of "{0}".', 'which word means the same as "{0}"?',
        'find a word like "{0}".', 'tell me a word with the same meaning as "{0}".',
    ),
    "fact": ("{0}?", "do you know {0}?", "can you tell me {0}?", "I would like to know {0}.", "my son asks: {0}?", "please answer: {0}?"),
    "definition": (
        "what is {0}?", "what does {0} mean?", "define {0}.", "explain {0} in one sentence.", "what do people mean by {0}?",
        "can you explain what {0} is?", "give me a short definition of {0}.",
    ),
    "why": (
        "why is it that {0}?", "can you explain why {0}?", "what is the reason that {0}?", "explain to a child why {0}.",
        "do you know why {0}?", "tell me why {0}.",
    ),
    "howto": (
        "how do I {0}?", "how can I {0}?", "what is the best way to {0}?", "explain how to {0}.", "I want to {0}. What should I do?",
        "give me steps to {0}.", "can you teach me how to {0}?", "what do I need to do to {0}?",
    ),
    "advice": (
        "{0}. What should I do?", "{0}. Can you give me some advice?", "please help me: {0}.", "{0}. Any ideas?",
        "{0}, and I do not know what to do.", "{0}. How can I make it better?",
    ),
    "code": (
        "write a Python function that {0}.", "I need a Python function that {0}.", "show me Python code that {0}.",
        "can you write a function in Python that {0}?", "give me a small Python function that {0}.",
        "how do I write a Python function that {0}?",
    ),
    "list": (
        "name three {0}.", "list three {0}.", "can you give me three examples of {0}?", "tell me three {0}.",
        "I need the names of three {0}.", "give me a list of three {0}.",
    ),
    "harmful": (
        "how do I {0}?", "how can I {0}?", "tell me how to {0}.", "what is the best way to {0}?", "give me steps to {0}.",
        "explain how to {0}.", "I want to {0}. What should I do?", "can you teach me how to {0}?", "help me to {0}.",
        "write a guide on how to {0}.", "what do I need to do to {0}?",
    ),
}
