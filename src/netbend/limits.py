"""Every bound on what is read from files, in one place; docs/limits.md is the same table in words.

A bound is checked before what it bounds is unpacked, allocated or run. Sizes are in bytes unless the
name says otherwise. What a network can do, or an algorithm needs, is not a limit and stands with it.
"""

# Recipes and cluster files
MAX_RECIPE_BYTES = 1_000_000
MAX_YAML_NODES = 100_000  # values, after aliases are expanded
MAX_YAML_DEPTH = 20  # levels of nesting
MAX_YAML_DIGITS = 40  # of a whole number; Python refuses, or is slow at, thousands
MAX_PROBLEMS = 20  # lines of one error message
MAX_PROBLEM_TEXT = 500  # characters of one of them
MAX_MESSAGE = 20_000  # characters of a message, whatever a library or a file puts into it
MAX_BENDS = 1000  # of a recipe
MAX_FEATURES = 65_536  # more than any layer has
MAX_LISTED_FEATURES = 1_000_000  # that a recipe or cluster file lists in all; ranges are short to write
MAX_MIX = 4.0  # of a bend: 1 is the bend as it is, more goes on in its direction
MAX_TRUNCATION = 1e6  # of either sign; pictures are mud long before, and far beyond float32 overflows
MAX_CLUSTER_NAME = 60  # characters
MAX_SEED = 2**63 - 1  # of selections and noise; torch's generators take no more
MAX_FILM_SECONDS = 24 * 3600.0  # a day

# Numbers that move
MAX_KEYS = 10_000  # key frames of one number
MAX_OCTAVES = 8  # of noise; further ones are below what can be seen
MAX_NUMBER = 1e100  # what is far larger overflows on the way from one value to another
MIN_SECONDS, MAX_SECONDS = 0.001, 1e7  # of a period

# Latents
MAX_LATENT_POINTS = 10_000  # of a journey, or seeds of a mean
MAX_LATENT_SEED = 2**32 - 1  # as NVIDIA's tools draw z
MAX_WALK_LENGTH = 1000.0  # its harmonics are kept in memory
MAX_DIRECTIONS = 65_536  # more than any w has dimensions
MAX_DEVIATIONS = 1000.0  # along a direction, to either side; pictures are mud from about 10 on
MAX_SEEDS = 1_000_000  # of one command
MAX_LATENT_VALUES = 100_000_000  # of a file of latents: 400 MB
MAX_VIDEO_FRAMES = 100_000  # of a film that is encoded to latents: an hour at 25 a second
MAX_VIDEO_PIXELS = 2**26  # of a frame; a film of few bytes may say that it has any number

# Records in pictures
MAX_RECORD_TEXT = 1_000_000  # bytes, unpacked; programs with Pillow open no picture with more than 2**20
MAX_RECORD_TRUNCATION = 1e38  # of either sign: what --nonfinite replace was needed for is made again, too
MAX_PNG_CHUNKS = 100_000  # of a picture that is searched for its record
MAX_MASK_PIXELS = 2**26  # of all masks of a record: 256 MB as numbers
MAX_SHEET_PICTURES = 1000  # of a contact sheet

# Pictures and sets of training data
MAX_IMAGE_BYTES = 256 * 1024**2  # of a picture's file
MAX_IMAGE_PIXELS = 89_000_000  # of a picture, before it is decoded; above, Pillow itself warns
MAX_IMAGE_PROFILE = 8 * 1024**2  # bytes of its colour profile; a larger one is not applied
MAX_PPM_HEADER = 4096  # bytes, comments included; Pillow reads them one by one
MAX_ZIP_DIRECTORY = 16 * 1024**2  # bytes of the list of what a zip of training data holds
MAX_LISTED_FILES = 20  # broken ones that one message names

# Sounds
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1000, 768_000  # Hz; beyond, it is a lie or no sound to be heard
MAX_SOUND_CHANNELS = 64  # ambisonics of the seventh order; each has buffers of its own
MAX_SOUND_SECONDS = 24 * 3600.0  # silence of a day is a small file
MAX_PIPED_BYTES = 16 * 1024**3  # of a sound from standard input, which is kept on disk: a day in stereo

# Lists on the command line
MAX_LISTED_VALUES = 1000  # of one axis of a sheet
MAX_SHEET_PIXELS = 80_000_000  # more, and other programs refuse to open the picture
MAX_SONG_SECONDS = 6 * 3600  # of a song that is sung from latents

# Files of weights
MAX_WEIGHTS_BYTES = 8 * 1024**3
MAX_ZIP_ENTRIES = 100_000
MAX_PICKLE_OPCODES = 500_000  # the largest StyleGAN2 takes 50,000
MAX_PICKLE_BITS = 128  # of a whole number
MAX_PICKLE_KEY_BITS = 64  # of a whole number as a key; longer ones can all have one hash
MAX_PICKLE_MEMO = 2**32 - 1  # number that something is remembered by
MAX_TENSORS = 50_000  # StyleGAN2 with its optimizers has some thousand
MAX_TENSOR_HEADER_BYTES = 4_000_000  # of .safetensors
MAX_JSON_DIGITS = 20  # of a whole number
MAX_ARRAY_HEADER = 10_000  # characters of a .npy, as numpy has it
MAX_TENSOR_SLACK_BYTES = 64 * 1024 * 1024  # what tensors may unpack to beyond four times their file
MAX_TREE_DEPTH = 100  # levels of nesting
MAX_TREE_ENTRIES = 2 * MAX_PICKLE_OPCODES
MAX_TENSOR_DIMENSIONS = 8
MAX_TENSOR_NUMBERS = 2**62
MAX_XML_BYTES = 4_000_000  # of an OpenVINO network
MAX_XML_CONSTANTS = 10_000
MAX_SHOWN_TEXT = 200  # characters out of a file in a message

# Models that are installed
MAX_DOWNLOAD_SECONDS = 1800.0  # 48 MB at 27 kB a second; a server may drip for ever
MAX_DOWNLOAD_EXCESS = 20_000_000  # bytes beyond the package, which lies there twice for a moment

# Networks
MAX_SETTINGS_BYTES = 100_000  # of the settings of a run, which have 1,000
MAX_WIDTH = 16_384  # features of a layer that is built
MAX_RESOLUTIONS = 10  # 4 to 2048
MAX_MAPPING_LAYERS = 64
MAX_CLASSES = 1000
MAX_MODULES = 1000  # the generator of 1024x1024 has 80
MAX_MODULE_PATH = 100  # characters
MAX_GENERATORS = 16  # of a file, of which one is meant
MAX_LISTED_ENTRIES = 1000  # names at the top of a file that a report lists
