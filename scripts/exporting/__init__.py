"""Finished runs as models that run elsewhere: what a format needs, and what each task supplies."""

#: Task -> the module that knows what its networks take, and the program that answers with them.
EXPORTING = {
    "lightning_modules.tasks.classification.Classification": "scripts.exporting.classification",
    "lightning_modules.tasks.forecasting.Forecasting": "scripts.exporting.forecasting",
    "lightning_modules.tasks.transcription.Transcription": "scripts.exporting.transcription",
}
