"""Images that lie on other machines: in buckets, in data sets of the Hugging Face Hub, behind links of a web page."""
