"""The doctors' specialties as a patient reads them; one that is not listed stays as it is."""

from adapters.messages.visit import Language

NAMES = {
    "general-practice": {Language.RU: "терапевт", Language.EN: "general practitioner"},
    "cardiology": {Language.RU: "кардиолог", Language.EN: "cardiologist"},
    "paediatrics": {Language.RU: "педиатр", Language.EN: "paediatrician"},
    "neurology": {Language.RU: "невролог", Language.EN: "neurologist"},
    "dermatology": {Language.RU: "дерматолог", Language.EN: "dermatologist"},
    "otolaryngology": {Language.RU: "ЛОР (оториноларинголог)", Language.EN: "ENT doctor"},
    "gynaecology": {Language.RU: "гинеколог", Language.EN: "gynaecologist"},
    "ophthalmology": {Language.RU: "офтальмолог", Language.EN: "ophthalmologist"},
    "dentistry": {Language.RU: "стоматолог", Language.EN: "dentist"},
    "urgent-care": {Language.RU: "дежурный врач", Language.EN: "doctor on duty"},
}


def specialty_name(specialty: str, language: Language) -> str:
    return NAMES.get(specialty, {}).get(language, specialty)


def specialty_of(name: str) -> str:
    """What somebody calls it in one of the languages, as it is kept."""
    wanted = name.strip().casefold()
    known = (code for code, names in NAMES.items() if wanted in map(str.casefold, names.values()))
    return next(known, name)
