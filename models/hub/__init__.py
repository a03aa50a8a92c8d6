"""The Hugging Face Hub: models there are found and downloaded by `reading`, and published by `publishing`.

Both import huggingface_hub, which takes a second, and any call may take half a minute where the Hub does not answer:
nothing here belongs on the thread that draws. Every failure, of the network as of the Hub, is a `UserError` of one
line, by `failures`.
"""
