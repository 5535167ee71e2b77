"""Finished runs as models that run elsewhere: what a format needs, and what each task supplies."""

#: Task -> the module that knows what its networks take, and the program that answers with them.
EXPORTING = {
    "lightning_modules.tasks.classification.task.Classification": "scripts.export.classification",
    "lightning_modules.tasks.forecasting.task.Forecasting": "scripts.export.forecasting",
    "lightning_modules.tasks.transcription.task.Transcription": "scripts.export.transcription",
}
