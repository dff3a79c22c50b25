"""Training new spaces from labels, captions and feedback. Only ``training.torch`` needs PyTorch."""
