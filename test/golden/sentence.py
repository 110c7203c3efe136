"""Writes fixtures/sentence/: small folders of sentence encoders as sentence-transformers 2 to 6, model2vec and
transformers write them, and the rows that these libraries give for texts, most of them awkward.

    python -m venv VENV && VENV/bin/pip install torch==2.13.0 sentence-transformers==6.2 model2vec==0.10 sentencepiece
    VENV/bin/python test/golden/sentence.py             writes the fixtures
    npx tsx test/golden/sentence.ts VENV/bin/python     compares folders that saveSentenceEncoder wrote

NAME/ is a folder as Python wrote it, NAME.json what it gives: a list of cases, each with `files` that replace those of
the folder (JSON, or null: without the file), `options` of encode, `texts` and `rows`, one text at a time.
"""

import copy
import json
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error')
warnings.filterwarnings('ignore')

import logging

import numpy as np
import torch
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as st
from sentence_transformers.base.modules.transformer import Transformer
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.base.modules.normalize import Normalize
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig, BertModel, DistilBertConfig, DistilBertModel, MPNetConfig, MPNetModel, RobertaConfig, RobertaModel,
    XLMRobertaConfig, XLMRobertaModel,
)

logging.disable(logging.WARNING)
torch.set_num_threads(1)

FIXTURES = Path(__file__).resolve().parent / 'fixtures/sentence'

CORPUS = (
    'what is near is pulled together and what is far is pushed apart '
    'the nearest farther texts of a small model embed the same way in every batch '
    "don't split 12 34 (of) [words] naïve café résumé straße σας οδος ΑΣ москва 東京 日本 عرب "
).split()

TEXTS = [
    '', ' ', '\n\t', 'near', 'Near the far.', 'what is near is pulled together', 'The NEAREST texts, apart!',
    "don't  split   12,345 words", 'naïve café résumé', 'nai\u0308ve cafe\u0301', 'STRASSE straße', 'ΑΣ ΟΔΟΣ σας', 'İstanbul ı',
    'ﬁne ｎｅａｒ ①', '東京日本 far', 'عرب near', 'e\u200dmoji 👩\u200d🚀 ❤️', 'soft\u00adhyphen zero\u200bwidth',
    'nbsp\u00a0ideographic\u3000space\u2028line\u0085next', 'tab\tvertical\vform\ffeed', 'nul\0 bell\x07 del\x7f \ufeffbom \ufffd',
    '[CLS] near [SEP] far', '<s>near</s> <pad> <mask> <unk>', ' [MASK]near[MASK] [UNK] ', '\U00020000\U0002f800 𝒻𝒶𝓇',
    'a' * 120, 'near far ' * 24, '. , ; ! ? ( ) [ ] { } # $ % ^ & * - _ + = ~ ` | \\ / < > @ " \'',
    'http://near.example/far?apart=1&x=2', 'ab\u0301c\u0327 \u1e9b\u0323', 'the same way. the same way. the same way.', 'x\r\ny',
]
FEW = [0, 3, 4, 5, 8, 21, 22, 26]


# Tokenizers.

def wordpiece(size=150, lowercase=True, max_length=12, fixed=12):
    tokenizer = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS]:0 $A:0 [SEP]:0', pair='[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1',
        special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    tokenizer.decoder = decoders.WordPiece()
    if max_length: tokenizer.enable_truncation(max_length)
    if fixed: tokenizer.enable_padding(length=fixed, pad_id=0, pad_token='[PAD]')
    return tokenizer, dict(tokenizer_class='BertTokenizer', do_lower_case=lowercase, unk_token='[UNK]', sep_token='[SEP]',
                           pad_token='[PAD]', cls_token='[CLS]', mask_token='[MASK]')


ROBERTA = dict(bos_token='<s>', eos_token='</s>', unk_token='<unk>', sep_token='</s>', pad_token='<pad>', cls_token='<s>',
               mask_token='<mask>')


def bytelevel(size=330):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ['<s>', '<pad>', '</s>', '<unk>', AddedToken('<mask>', lstrip=True)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([' '.join(CORPUS)], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(('</s>', 2), ('<s>', 0), add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, dict(tokenizer_class='RobertaTokenizer', add_prefix_space=False, **ROBERTA)


RULES = {'\ufb01': 'fi', '\uff4e': 'n', '\uff45': 'e', '\uff41': 'a', '\uff52': 'r', '\u2460': '1', '\u00a0': ' ', '\u3000': ' ',
         '\u200b': ' ', '\u00ad': '', '\x07': '', '\x7f': '', '\t': ' ', '\n': ' ', '\r': ' ', 'e\u0301': '\u00e9',
         'i\u0308': '\u00ef', '\u1e9b\u0323': '\u1e69', '\U0002f800': '\u4e3d'}


def charsmap():
    """The bytes of a compiled character map with a few of NFKC's rules."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    with tempfile.TemporaryDirectory() as folder:
        rows = [' '.join(f'{ord(c):X}' for c in a) + '\t' + ' '.join(f'{ord(c):X}' for c in b) for a, b in RULES.items()]
        Path(folder, 'rules.tsv').write_text('\n'.join(rows) + '\n')
        Path(folder, 'corpus.txt').write_text('\n'.join(CORPUS * 4))
        sentencepiece.SentencePieceTrainer.train(
            input=f'{folder}/corpus.txt', model_prefix=f'{folder}/m', vocab_size=90, character_coverage=1.0,
            normalization_rule_tsv=f'{folder}/rules.tsv', minloglevel=3, hard_vocab_limit=False)
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(folder, 'm.model').read_bytes())
        return model.normalizer_spec.precompiled_charsmap


def unigram(size=110):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    special = ['<s>', '<pad>', '</s>', '<unk>']
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token='<unk>', show_progress=False)
    tokenizer.train_from_iterator([' '.join(CORPUS)] * 3, trainer)
    tokenizer.add_special_tokens([AddedToken('<mask>', lstrip=True)])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(' {2,}'), ' ')])
    tokenizer.post_processor = processors.TemplateProcessing(
        single='<s> $A </s>', pair='<s> $A </s> </s> $B </s>', special_tokens=[('<s>', 0), ('</s>', 2)])
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, dict(tokenizer_class='XLMRobertaTokenizer', **ROBERTA)


def mpnet_tokens():
    tokenizer = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=140, special_tokens=['<s>', '<pad>', '</s>', '<unk>', '[UNK]'],
                                        show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken('<mask>', lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(('</s>', 2), ('<s>', 0), add_prefix_space=False, trim_offsets=False)
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, dict(tokenizer_class='MPNetTokenizer', do_lower_case=True, **{**ROBERTA, 'unk_token': '[UNK]'})


def wordlevel():
    words = ['[PAD]', '[UNK]'] + sorted({word.lower() for word in CORPUS})
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token='[UNK]'))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


# Networks.

def randomized(model, seed):
    """Weights large enough for every part to matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if 'orm' in name and name.endswith('weight'): parameter.copy_(1 + 0.2 * noise)
            elif name.endswith('bias'): parameter.copy_(0.2 * noise)
            elif 'embedding' in name or 'relative' in name: parameter.copy_(0.6 * noise)
            else: parameter.copy_(1.6 * noise / parameter.shape[-1] ** 0.5)
    return model.eval()


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(',', ':')))


def transformer_folder(folder, model, tokens, model_max_length=None):
    """A folder of transformers alone: config.json, model.safetensors, the tokenizer's files."""
    tokenizer, config = tokens
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / 'tokenizer.json'), pretty=False)
    if model_max_length: config = {**config, 'model_max_length': model_max_length}
    write_json(folder / 'tokenizer_config.json', config)
    return folder


def bert(vocab, seed=1, **more):
    config = dict(vocab_size=vocab, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40,
                  max_position_embeddings=40, type_vocab_size=2)
    return randomized(BertModel(BertConfig(**{**config, **more})), seed)


# Rows.

def number(x):
    return float(f'{x:.9g}')


def encode_folder(folder, texts, options):
    """Of sentence-transformers, one text at a time, in float32."""
    kwargs = dict(model_kwargs={'torch_dtype': torch.float32})
    model = SentenceTransformer(str(folder), device='cpu', **kwargs)
    # A static encoder stays in the type of its file, half precision too.
    model.float()
    given = {}
    if 'prompt' in options: given['prompt'] = options['prompt']
    if 'promptName' in options: given['prompt_name'] = options['promptName']
    rows = []
    for text in texts:
        row = model.encode(text, show_progress_bar=False, **given)
        rows.append([number(x) for x in row])
    return rows, model


def model2vec_rows(folder, texts, _):
    model = StaticModel.from_pretrained(str(folder))
    if model.embedding.dtype == np.float16: model.embedding = model.embedding.astype(np.float32)
    return [[number(x) for x in model.encode([text])[0]] for text in texts], model


def cases(name, folder, list_of_cases, rows=encode_folder):
    """Runs cases over copies of a folder and writes the fixture."""
    for path in list(folder.rglob('README.md')) + list(folder.rglob('.git*')): path.unlink()
    done = []
    for case in list_of_cases:
        with tempfile.TemporaryDirectory() as temporary:
            copied = Path(temporary) / 'm'
            shutil.copytree(folder, copied)
            for path, content in case.get('files', {}).items():
                if content is None: (copied / path).unlink()
                else: write_json(copied / path, content)
            texts = [TEXTS[i] for i in case.get('texts', FEW)]
            got, model = rows(copied, texts, case.get('options', {}))
            entry = {**case, 'texts': texts, 'rows': got}
            length = getattr(model, 'max_seq_length', getattr(model, 'max_length', None))
            if isinstance(length, int): entry['maxTokens'] = length
            done.append(entry)
    target = FIXTURES / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    lines = ',\n'.join(json.dumps(entry, ensure_ascii=False, separators=(',', ':')) for entry in done)
    (FIXTURES / f'{name}.json').write_text(f'[\n{lines}\n]\n')
    print(name, len(done), 'cases')


def read(path):
    return json.loads(path.read_text())


OLD = 'sentence_transformers.models'
FLAGS = dict(cls='pooling_mode_cls_token', max='pooling_mode_max_tokens', mean='pooling_mode_mean_tokens',
             mean_sqrt_len_tokens='pooling_mode_mean_sqrt_len_tokens', weightedmean='pooling_mode_weightedmean_tokens',
             lasttoken='pooling_mode_lasttoken')


def old_pooling(width, *modes, **more):
    return {'word_embedding_dimension': width, **{flag: mode in modes for mode, flag in FLAGS.items()}, **more}


def old_modules(*names, static=False):
    first = ('0_StaticEmbedding', 'StaticEmbedding') if static else ('', 'Transformer')
    return [dict(idx=i, name=str(i), path=path, type=f'{OLD}.{kind}') for i, (path, kind) in
            enumerate([first, *((f'{i + 1}_{name}', name) for i, name in enumerate(names))])]


def bert_v2(root):
    """The layout of sentence-transformers 2 to 5, as most folders of the hub have it."""
    tokens = wordpiece()
    folder = transformer_folder(root / 'bert-v2', bert(tokens[0].get_vocab_size()), tokens, 512)
    write_json(folder / 'modules.json', old_modules('Pooling', 'Normalize'))
    write_json(folder / 'sentence_bert_config.json', {'max_seq_length': 24, 'do_lower_case': False})
    write_json(folder / '1_Pooling/config.json', old_pooling(16, 'mean'))
    write_json(folder / 'config_sentence_transformers.json', {'__version__': {'sentence_transformers': '2.0.0'}})
    every = list(range(len(TEXTS)))
    list_of = [dict(name='mean, all texts', texts=every)]
    for mode in FLAGS:
        list_of.append(dict(name=mode, files={'1_Pooling/config.json': old_pooling(16, mode), 'modules.json': old_modules('Pooling')}))
        without = old_pooling(16, mode, include_prompt=False)
        list_of.append(dict(name=f'{mode} without prompt', options={'prompt': 'near: '},
                            files={'1_Pooling/config.json': without, 'modules.json': old_modules('Pooling')}))
    list_of += [
        dict(name='all modes', files={'1_Pooling/config.json': old_pooling(16, *FLAGS), 'modules.json': old_modules('Pooling')}),
        dict(name='no mode', files={'1_Pooling/config.json': old_pooling(16)}),
        dict(name='prompt longer than the text may be', options={'prompt': 'near far ' * 20},
             files={'1_Pooling/config.json': old_pooling(16, 'mean', include_prompt=False)}),
        dict(name='model_max_length', files={'sentence_bert_config.json': {'do_lower_case': False},
             'tokenizer_config.json': {**read(folder / 'tokenizer_config.json'), 'model_max_length': 20}}),
        dict(name='positions', files={'sentence_bert_config.json': {'max_seq_length': None, 'do_lower_case': False}}),
        dict(name='no max length', files={'sentence_bert_config.json': {}, 'tokenizer_config.json': tokens[1]}),
        dict(name='no sentence_bert_config', files={'sentence_bert_config.json': None}),
        dict(name='plain BERT', files={key: None for key in ('modules.json', 'sentence_bert_config.json',
             'config_sentence_transformers.json', '1_Pooling/config.json')}),
        dict(name='no Normalize', files={'modules.json': old_modules('Pooling')}),
    ]
    config = read(folder / 'config.json')
    for act in ('gelu_new', 'relu', 'silu', 'gelu_pytorch_tanh', 'gelu_fast', 'quick_gelu', 'tanh', 'mish', 'relu6', 'leaky_relu'):
        list_of.append(dict(name=f'hidden_act {act}', files={'config.json': {**config, 'hidden_act': act}}))
    cases('bert-v2', folder, list_of)


def cased_v5(root):
    """A cased tokenizer lowered by do_lower_case, and prompts."""
    tokens = wordpiece(160, lowercase=False, max_length=0, fixed=0)
    folder = transformer_folder(root / 'cased-v5', bert(tokens[0].get_vocab_size(), 2, num_attention_heads=4), tokens, 40)
    write_json(folder / 'modules.json', old_modules('Pooling'))
    write_json(folder / 'sentence_bert_config.json', {'max_seq_length': 30, 'do_lower_case': False})
    write_json(folder / '1_Pooling/config.json', old_pooling(16, 'cls', include_prompt=True))
    prompts = {'__version__': {'sentence_transformers': '5.1.0'}, 'prompts': {'query': 'near: ', 'document': ''},
               'default_prompt_name': None, 'similarity_fn_name': 'dot', 'model_type': 'SentenceTransformer'}
    write_json(folder / 'config_sentence_transformers.json', prompts)
    cases('cased-v5', folder, [
        dict(name='cased', texts=list(range(len(TEXTS)))),
        dict(name='do_lower_case', texts=list(range(len(TEXTS))), files={'sentence_bert_config.json': {'max_seq_length': 30, 'do_lower_case': True}}),
        dict(name='prompt', options={'prompt': 'far '}),
        dict(name='promptName', options={'promptName': 'query'}),
        dict(name='default prompt', files={'config_sentence_transformers.json': {**prompts, 'default_prompt_name': 'query'}}),
        dict(name='no prompt despite a default', options={'prompt': ''}, files={'config_sentence_transformers.json': {**prompts, 'default_prompt_name': 'query'}}),
    ])


def saved(root, name, modules, **more):
    """A folder as sentence-transformers 6 writes it."""
    model = SentenceTransformer(modules=modules, device='cpu', **more)
    folder = root / name
    model.save(str(folder), create_model_card=False)
    return folder


def base(root, name, model, tokens, model_max_length):
    return str(transformer_folder(root / f'{name}-base', model, tokens, model_max_length))


def every_mode(folder, path='1_Pooling/config.json'):
    config = read(folder / path)
    return [dict(name=str(mode), files={path: {**config, 'pooling_mode': mode}})
            for mode in (*FLAGS, ['max', 'mean'], ['lasttoken', 'cls', 'weightedmean'])]


def bert_v6(root):
    """sentence-transformers 6 with Dense, LayerNorm and Normalize behind the pooling."""
    tokens = wordpiece()
    torch.manual_seed(3)
    transformer = Transformer(base(root, 'bert-v6', bert(tokens[0].get_vocab_size(), 3), tokens, 32))
    dense = Dense(16, 20, activation_function=torch.nn.Tanh())
    layer_norm = st.LayerNorm(20)
    plain = Dense(20, 12, bias=False, activation_function=torch.nn.Identity())
    for i, module in enumerate((dense, layer_norm, plain)): randomized(module, 30 + i)
    folder = saved(root, 'bert-v6', [transformer, st.Pooling(16, 'mean'), dense, layer_norm, plain, Normalize()],
                   prompts={'query': 'near: ', 'document': 'far: '}, default_prompt_name='document')
    config = read(folder / '2_Dense/config.json')
    list_of = [dict(name='as saved', texts=list(range(len(TEXTS)))), dict(name='query', options={'promptName': 'query'})]
    names = ('activation.' + name for name in (
        'ReLU', 'ReLU6', 'LeakyReLU', 'ELU', 'CELU', 'SELU', 'GELU', 'SiLU', 'Mish', 'Sigmoid', 'LogSigmoid', 'Tanh', 'Tanhshrink',
        'Hardtanh', 'Hardsigmoid', 'Hardswish', 'Hardshrink', 'Softshrink', 'Softplus', 'Softsign'))
    for name in (*names, 'linear.Identity'):
        list_of.append(dict(name=name, texts=[0, 5, 26], files={'2_Dense/config.json': {**config, 'activation_function': f'torch.nn.modules.{name}'}}))
    list_of.append(dict(name='no activation named', texts=[0, 5, 26], files={'2_Dense/config.json': {k: v for k, v in config.items() if k != 'activation_function'}}))
    list_of.append(dict(name='no pooling mode of others', texts=[0, 5, 26], files={'1_Pooling/config.json': {'embedding_dimension': 16}}))
    cases('bert-v6', folder, list_of)
    residual = randomized(Dense(16, 16, activation_function=torch.nn.ReLU(), use_residual=True), 36)
    wide = randomized(Dense(16, 24, use_residual=True), 37)
    transformer = Transformer(base(root, 'residual-v6', bert(tokens[0].get_vocab_size(), 4), tokens, 32))
    folder = saved(root, 'residual-v6', [transformer, st.Pooling(16, 'cls'), residual, wide])
    cases('residual-v6', folder, [dict(name='as saved')])


def roberta_v6(root):
    tokens = bytelevel()
    config = RobertaConfig(vocab_size=tokens[0].get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                           intermediate_size=32, max_position_embeddings=34, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
    transformer = Transformer(base(root, 'roberta-v6', randomized(RobertaModel(config), 5), tokens, 32))
    folder = saved(root, 'roberta-v6', [transformer, st.Pooling(16, 'weightedmean')], similarity_fn_name='euclidean',
                   prompts={'query': 'near:'})
    config = read(folder / '1_Pooling/config.json')
    cases('roberta-v6', folder, [
        dict(name='weightedmean', texts=list(range(len(TEXTS)))), *every_mode(folder),
        *(dict(name=f'{mode} without prompt', options={'promptName': 'query'},
               files={'1_Pooling/config.json': {**config, 'pooling_mode': mode, 'include_prompt': False}}) for mode in FLAGS)])


def xlmr_v5(root):
    tokens = unigram()
    vocab = tokens[0].get_vocab_size()
    config = XLMRobertaConfig(vocab_size=vocab, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                              max_position_embeddings=40, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
    folder = transformer_folder(root / 'xlmr-v5', randomized(XLMRobertaModel(config), 6), tokens, 36)
    write_json(folder / 'modules.json', old_modules('Pooling', 'Normalize'))
    write_json(folder / 'sentence_bert_config.json', {'max_seq_length': 28, 'do_lower_case': False})
    write_json(folder / '1_Pooling/config.json', old_pooling(16, 'mean'))
    write_json(folder / 'config_sentence_transformers.json',
               {'__version__': {'sentence_transformers': '3.3.0'}, 'prompts': {'query': 'near: '}, 'default_prompt_name': 'query', 'similarity_fn_name': 'cosine'})
    without = old_pooling(16, 'mean', include_prompt=False)
    cases('xlmr-v5', folder, [
        dict(name='prompted', texts=list(range(len(TEXTS)))),
        dict(name='not prompted', texts=list(range(len(TEXTS))), options={'prompt': ''}),
        dict(name='without prompt', options={'prompt': 'far '}, files={'1_Pooling/config.json': without}),
    ])


def distilbert_v5(root):
    tokens = wordpiece(130)
    config = DistilBertConfig(vocab_size=tokens[0].get_vocab_size(), dim=16, n_layers=2, n_heads=2, hidden_dim=24,
                              max_position_embeddings=32, sinusoidal_pos_embds=False)
    folder = transformer_folder(root / 'distilbert-v5', randomized(DistilBertModel(config), 7), tokens, 512)
    write_json(folder / 'modules.json', old_modules('Pooling', 'Dense'))
    write_json(folder / 'sentence_distilbert_config.json', {'max_seq_length': 16, 'do_lower_case': False})
    write_json(folder / '1_Pooling/config.json', old_pooling(16, 'mean', 'max'))
    dense = randomized(Dense(32, 10), 8)
    dense.save(str((folder / '2_Dense').absolute())) if (folder / '2_Dense').mkdir() is None else None
    config = read(folder / '2_Dense/config.json')
    write_json(folder / '2_Dense/config.json', {'in_features': 32, 'out_features': 10, 'bias': True,
                                                'activation_function': 'torch.nn.modules.activation.Tanh'})
    cases('distilbert-v5', folder, [
        dict(name='mean and max, Dense', texts=list(range(len(TEXTS)))),
        dict(name='activation relu', files={'config.json': {**read(folder / 'config.json'), 'activation': 'relu'}})])


def mpnet_v6(root):
    tokens = mpnet_tokens()
    config = MPNetConfig(vocab_size=tokens[0].get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                         intermediate_size=32, max_position_embeddings=202, relative_attention_num_buckets=32, layer_norm_eps=1e-5)
    transformer = Transformer(base(root, 'mpnet-v6', randomized(MPNetModel(config), 9), tokens, 200))
    folder = saved(root, 'mpnet-v6', [transformer, st.Pooling(16, 'mean'), Normalize()])
    TEXTS.append('near far ' * 110)
    cases('mpnet-v6', folder, [dict(name='mean', texts=list(range(len(TEXTS)))), *every_mode(folder)])
    TEXTS.pop()


def static_folders(root):
    tokenizer, _ = wordpiece(100, max_length=0, fixed=0)
    table = np.random.default_rng(10).standard_normal((tokenizer.get_vocab_size(), 24)).astype(np.float32)
    folder = saved(root, 'static-v6', [st.StaticEmbedding(copy.deepcopy(tokenizer), embedding_weights=table), Normalize()],
                   prompts={'query': 'near '})
    truncated = read(folder / next(iter(p.relative_to(folder) for p in folder.rglob('tokenizer.json'))))
    at = str(next(iter(p.relative_to(folder) for p in folder.rglob('tokenizer.json'))))
    truncated['truncation'] = {'max_length': 6, 'strategy': 'LongestFirst', 'stride': 0, 'direction': 'Right'}
    padded = {**truncated, 'truncation': None, 'padding': {'strategy': {'Fixed': 9}, 'direction': 'Right', 'pad_to_multiple_of': None, 'pad_id': 0, 'pad_type_id': 0, 'pad_token': '[PAD]'}}
    cases('static-v6', folder, [
        dict(name='normalized', texts=list(range(len(TEXTS)))), dict(name='query', options={'promptName': 'query'}),
        dict(name='truncation of tokenizer.json', files={at: truncated}), dict(name='padding of tokenizer.json', files={at: padded})])
    level = wordlevel()
    table = np.random.default_rng(11).standard_normal((level.get_vocab_size(), 16)).astype(np.float32)
    folder = saved(root, 'old', [st.StaticEmbedding(copy.deepcopy(level), embedding_weights=table)])
    found = next(folder.rglob('model.safetensors')).parent
    target = root / 'static-v5'
    (target / '0_StaticEmbedding').mkdir(parents=True)
    for name in ('model.safetensors', 'tokenizer.json'): shutil.copy(found / name, target / '0_StaticEmbedding' / name)
    write_json(target / 'modules.json', old_modules('Dense', static=True))
    write_json(target / 'config_sentence_transformers.json', {'__version__': {'sentence_transformers': '3.3.1'}, 'prompts': {}, 'default_prompt_name': None, 'similarity_fn_name': 'cosine'})
    dense = randomized(Dense(16, 8, activation_function=torch.nn.GELU()), 12)
    (target / '1_Dense').mkdir()
    dense.save(str(target / '1_Dense'))
    cases('static-v5', target, [dict(name='WordLevel and Dense', texts=list(range(len(TEXTS))))])


def model2vec_folders(root):
    tokenizer, _ = wordpiece(100, max_length=0, fixed=0)
    size = tokenizer.get_vocab_size()
    random = np.random.default_rng(13)
    table = random.standard_normal((size, 24)).astype(np.float32)
    every = list(range(len(TEXTS)))
    def write(name, vectors, tokens=tokenizer, **more):
        StaticModel(vectors, copy.deepcopy(tokens), config={'model_type': 'model2vec', 'architectures': ['StaticModel']}, **more).save_pretrained(root / name)
        return root / name
    folder = write('model2vec-f32', table, normalize=True)
    config = read(folder / 'config.json')
    cases('model2vec-f32', folder, [
        dict(name='normalized', texts=every),
        dict(name='not normalized', files={'config.json': {**config, 'normalize': False}}),
        dict(name='short', files={'config.json': {**config, 'max_length': 5}}),
        dict(name='no max_length', files={'config.json': {k: v for k, v in config.items() if k != 'max_length'}}),
        dict(name='any length', files={'config.json': {**config, 'max_length': None}}),
        dict(name='nothing said', files={'config.json': {'hidden_dim': 24}, 'modules.json': None})], model2vec_rows)
    mapping = random.integers(0, 30, size)
    weights = random.uniform(0.1, 2, size)
    folder = write('model2vec-quantized', table[:30], normalize=True, weights=weights, token_mapping=mapping)
    cases('model2vec-quantized', folder, [dict(name='mapping and weights', texts=every)], model2vec_rows)
    folder = write('model2vec-weights', table, normalize=False, weights=weights.astype(np.float32))
    cases('model2vec-weights', folder, [dict(name='weights', texts=every)], model2vec_rows)
    scaled = np.round(table / np.abs(table).max() * 127).astype(np.int8)
    folder = write('model2vec-int8', scaled, normalize=True)
    cases('model2vec-int8', folder, [dict(name='int8', texts=every)], model2vec_rows)
    folder = write('model2vec-int8-quantized', scaled[:30], normalize=True, weights=weights, token_mapping=mapping)
    cases('model2vec-int8-quantized', folder, [dict(name='int8, mapping and weights', texts=every)], model2vec_rows)
    folder = write('model2vec-f16', table.astype(np.float16), normalize=True)
    cases('model2vec-f16', folder, [dict(name='float16', texts=every)], model2vec_rows)
    pieces, _ = unigram(90)
    table = random.standard_normal((pieces.get_vocab_size(), 8)).astype(np.float32)
    folder = write('model2vec-unigram', table, pieces, normalize=True)
    cases('model2vec-unigram', folder, [dict(name='Unigram', texts=every)], model2vec_rows)
    level = wordlevel()
    table = random.standard_normal((level.get_vocab_size(), 8)).astype(np.float32)
    folder = write('model2vec-wordlevel', table, level, normalize=False)
    cases('model2vec-wordlevel', folder, [dict(name='WordLevel', texts=every)], model2vec_rows)


def tokenizer_fixtures(_):
    """fixtures/text/tokenizers.json: tokenizers of kinds that the folders don't have, and their tokens for random texts."""
    import random
    chosen = random.Random(21)
    words = [' '.join(CORPUS)] * 3
    tokenizers = {'Unigram': unigram()[0], 'BertNormalizer': wordpiece(max_length=0, fixed=0)[0], 'ByteLevel': bytelevel()[0]}

    def pairs(name, normalizer, pre_tokenizer, trainer={}, **model):
        tokenizer = Tokenizer(models.BPE(unk_token='<unk>', **model))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
        trained = trainers.BpeTrainer(vocab_size=160, special_tokens=['<unk>'], show_progress=False, **trainer)
        tokenizer.train_from_iterator(words, trained)
        tokenizer.add_tokens([AddedToken('near', single_word=True), AddedToken('FAR', normalized=True), AddedToken('x y', rstrip=True)])
        tokenizers[name] = tokenizer

    pre = pre_tokenizers
    pairs('Whitespace, Digits', normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
          pre.Sequence([pre.Whitespace(), pre.Digits(individual_digits=True)]))
    pairs('Punctuation, fused', normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()]),
          pre.Sequence([pre.WhitespaceSplit(), pre.Punctuation(behavior='contiguous')]), fuse_unk=True)
    split = r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    pairs('Split, suffix', normalizers.Replace(Regex(r'\s+'), ' '), pre.Split(Regex(split), behavior='isolated'),
          dict(end_of_word_suffix='</w>'), end_of_word_suffix='</w>')
    pairs('merged, prefix', normalizers.NFC(),
          pre.Sequence([pre.Split(' ', behavior='merged_with_next'), pre.Punctuation(behavior='merged_with_previous')]),
          dict(continuing_subword_prefix='##'), continuing_subword_prefix='##')
    for scheme, splits in (('first', True), ('always', False), ('never', True)):
        tokenizer = unigram()[0]
        tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme=scheme, split=splits)
        tokenizers[f'Metaspace {scheme}'] = tokenizer
    pool = [*'aefnrtpsh ABC .,!\'"-_()[]</|@$^+`0127\t\n\r', *(chr(c) for c in (
        0, 7, 11, 12, 0x7f, 0x85, 0xa0, 0xad, 0x300, 0x301, 0x308, 0x327, 0x345, 0x3a3, 0x3c3, 0x130, 0x131, 0x600, 0x627, 0x64b, 0x903, 0x915,
        0x93f, 0xe33, 0x1100, 0x1161, 0xac01, 0x1680, 0x2003, 0x200b, 0x200c, 0x200d, 0x200e, 0x2028, 0x202f, 0x2060, 0x2122, 0x2160, 0x2581,
        0x3000, 0x3042, 0x4e00, 0x9fff, 0xf900, 0xe000, 0xfb01, 0xfe0f, 0xff21, 0xff45, 0xff4e, 0xff5e, 0xfffd, 0xfeff, 0x1d4d0, 0x1f600,
        0x20000, 0x2b740, 0x2b820, 0x2b920, 0x2f800, 0xe0001)), 'é', 'ß', 'Å', '²', '①', 'Ǆ', 'near', 'FAR', 'x y', '<s>', '<mask>', '[MASK]',
        "don't", "'re", 'е', 'το', '京']
    texts = [''.join(chosen.choice(pool) for _ in range(chosen.choice([1, 2, 3, 5, 8, 13, 30]))) for _ in range(160)]
    rows = []
    for name, tokenizer in tokenizers.items():
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
        row = dict(name=name, json=json.loads(tokenizer.to_str()), ids=ids)
        rows.append(json.dumps(row, ensure_ascii=False, separators=(',', ':')))
    target = FIXTURES.parent / 'text/tokenizers.json'
    target.parent.mkdir(exist_ok=True)
    everything = ',\n'.join(rows)
    target.write_text(f'{{"texts":{json.dumps(texts)},\n"tokenizers":[\n{everything}\n]}}\n')
    print('tokenizers', len(rows))


def check(root):
    """Opens folders that test/golden/sentence.ts wrote and compares rows: DIR/NAME/ with DIR/NAME.json, cases as above."""
    failed = 0
    for path in sorted(Path(root).glob('*.json')):
        folder = path.with_suffix('')
        for case in read(path):
            for reader, rows in (('sentence-transformers', encode_folder), ('model2vec', model2vec_rows)):
                if reader not in case['readers']: continue
                got, _ = rows(folder, case['texts'], case.get('options', {}))
                worst = float(np.abs(np.array(got, np.float64) - np.array(case['rows'], np.float64)).max())
                bad = worst > case.get('within', 1e-4) or worst != worst
                failed += bad
                print(f'{"FAIL" if bad else "ok"} {folder.name} {case["name"]} {reader}: {worst:.2g}')
    sys.exit(1 if failed else 0)


def main():
    if sys.argv[1:2] == ['--check']: check(sys.argv[2])
    FIXTURES.mkdir(parents=True, exist_ok=True)
    only = sys.argv[1:]
    for make in (bert_v2, cased_v5, bert_v6, roberta_v6, xlmr_v5, distilbert_v5, mpnet_v6, static_folders, model2vec_folders, tokenizer_fixtures):
        if only and make.__name__ not in only: continue
        with tempfile.TemporaryDirectory() as root: make(Path(root))


main()
