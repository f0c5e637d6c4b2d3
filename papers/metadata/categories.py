"""The categories of arXiv and the subjects of bioRxiv and medRxiv."""

from __future__ import annotations

from difflib import get_close_matches

_TAXONOMY = """
astro-ph Astrophysics
astro-ph.CO Cosmology and Nongalactic Astrophysics
astro-ph.EP Earth and Planetary Astrophysics
astro-ph.GA Astrophysics of Galaxies
astro-ph.HE High Energy Astrophysical Phenomena
astro-ph.IM Instrumentation and Methods for Astrophysics
astro-ph.SR Solar and Stellar Astrophysics
cond-mat Condensed Matter
cond-mat.dis-nn Disordered Systems and Neural Networks
cond-mat.mes-hall Mesoscale and Nanoscale Physics
cond-mat.mtrl-sci Materials Science
cond-mat.other Other Condensed Matter
cond-mat.quant-gas Quantum Gases
cond-mat.soft Soft Condensed Matter
cond-mat.stat-mech Statistical Mechanics
cond-mat.str-el Strongly Correlated Electrons
cond-mat.supr-con Superconductivity
cs Computer Science
cs.AI Artificial Intelligence
cs.AR Hardware Architecture
cs.CC Computational Complexity
cs.CE Computational Engineering, Finance, and Science
cs.CG Computational Geometry
cs.CL Computation and Language
cs.CR Cryptography and Security
cs.CV Computer Vision and Pattern Recognition
cs.CY Computers and Society
cs.DB Databases
cs.DC Distributed, Parallel, and Cluster Computing
cs.DL Digital Libraries
cs.DM Discrete Mathematics
cs.DS Data Structures and Algorithms
cs.ET Emerging Technologies
cs.FL Formal Languages and Automata Theory
cs.GL General Literature
cs.GR Graphics
cs.GT Computer Science and Game Theory
cs.HC Human-Computer Interaction
cs.IR Information Retrieval
cs.IT Information Theory
cs.LG Machine Learning
cs.LO Logic in Computer Science
cs.MA Multiagent Systems
cs.MM Multimedia
cs.MS Mathematical Software
cs.NA Numerical Analysis
cs.NE Neural and Evolutionary Computing
cs.NI Networking and Internet Architecture
cs.OH Other Computer Science
cs.OS Operating Systems
cs.PF Performance
cs.PL Programming Languages
cs.RO Robotics
cs.SC Symbolic Computation
cs.SD Sound
cs.SE Software Engineering
cs.SI Social and Information Networks
cs.SY Systems and Control
econ Economics
econ.EM Econometrics
econ.GN General Economics
econ.TH Theoretical Economics
eess Electrical Engineering and Systems Science
eess.AS Audio and Speech Processing
eess.IV Image and Video Processing
eess.SP Signal Processing
eess.SY Systems and Control
gr-qc General Relativity and Quantum Cosmology
hep-ex High Energy Physics - Experiment
hep-lat High Energy Physics - Lattice
hep-ph High Energy Physics - Phenomenology
hep-th High Energy Physics - Theory
math Mathematics
math.AC Commutative Algebra
math.AG Algebraic Geometry
math.AP Analysis of PDEs
math.AT Algebraic Topology
math.CA Classical Analysis and ODEs
math.CO Combinatorics
math.CT Category Theory
math.CV Complex Variables
math.DG Differential Geometry
math.DS Dynamical Systems
math.FA Functional Analysis
math.GM General Mathematics
math.GN General Topology
math.GR Group Theory
math.GT Geometric Topology
math.HO History and Overview
math.IT Information Theory
math.KT K-Theory and Homology
math.LO Logic
math.MG Metric Geometry
math.MP Mathematical Physics
math.NA Numerical Analysis
math.NT Number Theory
math.OA Operator Algebras
math.OC Optimization and Control
math.PR Probability
math.QA Quantum Algebra
math.RA Rings and Algebras
math.RT Representation Theory
math.SG Symplectic Geometry
math.SP Spectral Theory
math.ST Statistics Theory
math-ph Mathematical Physics
nlin Nonlinear Sciences
nlin.AO Adaptation and Self-Organizing Systems
nlin.CD Chaotic Dynamics
nlin.CG Cellular Automata and Lattice Gases
nlin.PS Pattern Formation and Solitons
nlin.SI Exactly Solvable and Integrable Systems
nucl-ex Nuclear Experiment
nucl-th Nuclear Theory
physics Physics
physics.acc-ph Accelerator Physics
physics.ao-ph Atmospheric and Oceanic Physics
physics.app-ph Applied Physics
physics.atm-clus Atomic and Molecular Clusters
physics.atom-ph Atomic Physics
physics.bio-ph Biological Physics
physics.chem-ph Chemical Physics
physics.class-ph Classical Physics
physics.comp-ph Computational Physics
physics.data-an Data Analysis, Statistics and Probability
physics.ed-ph Physics Education
physics.flu-dyn Fluid Dynamics
physics.gen-ph General Physics
physics.geo-ph Geophysics
physics.hist-ph History and Philosophy of Physics
physics.ins-det Instrumentation and Detectors
physics.med-ph Medical Physics
physics.optics Optics
physics.plasm-ph Plasma Physics
physics.pop-ph Popular Physics
physics.soc-ph Physics and Society
physics.space-ph Space Physics
q-bio Quantitative Biology
q-bio.BM Biomolecules
q-bio.CB Cell Behavior
q-bio.GN Genomics
q-bio.MN Molecular Networks
q-bio.NC Neurons and Cognition
q-bio.OT Other Quantitative Biology
q-bio.PE Populations and Evolution
q-bio.QM Quantitative Methods
q-bio.SC Subcellular Processes
q-bio.TO Tissues and Organs
q-fin Quantitative Finance
q-fin.CP Computational Finance
q-fin.EC Economics
q-fin.GN General Finance
q-fin.MF Mathematical Finance
q-fin.PM Portfolio Management
q-fin.PR Pricing of Securities
q-fin.RM Risk Management
q-fin.ST Statistical Finance
q-fin.TR Trading and Market Microstructure
quant-ph Quantum Physics
stat Statistics
stat.AP Applications
stat.CO Computation
stat.ME Methodology
stat.ML Machine Learning
stat.OT Other Statistics
stat.TH Statistics Theory
"""
BIORXIV = tuple(
    "animal_behavior_and_cognition biochemistry bioengineering bioinformatics biophysics "
    "cancer_biology cell_biology clinical_trials developmental_biology ecology epidemiology "
    "evolutionary_biology genetics genomics immunology microbiology molecular_biology "
    "neuroscience paleontology pathology pharmacology_and_toxicology physiology plant_biology "
    "scientific_communication_and_education synthetic_biology systems_biology zoology".split()
)
MEDRXIV = tuple(
    "addiction_medicine allergy_and_immunology anesthesia cardiovascular_medicine "
    "dentistry_and_oral_medicine dermatology emergency_medicine endocrinology epidemiology "
    "forensic_medicine gastroenterology genetic_and_genomic_medicine geriatric_medicine "
    "health_economics health_informatics health_policy "
    "health_systems_and_quality_improvement hematology hivaids infectious_diseases "
    "intensive_care_and_critical_care_medicine medical_education medical_ethics nephrology "
    "neurology nursing nutrition obstetrics_and_gynecology "
    "occupational_and_environmental_health oncology ophthalmology orthopedics otolaryngology "
    "pain_medicine palliative_medicine pathology pediatrics pharmacology_and_therapeutics "
    "primary_care_research psychiatry_and_clinical_psychology public_and_global_health "
    "radiology_and_imaging rehabilitation_medicine_and_physical_therapy respiratory_medicine "
    "rheumatology sexual_and_reproductive_health sports_medicine surgery toxicology "
    "transplantation urology".split()
)
NAMES: dict[str, str] = dict(line.split(" ", 1) for line in _TAXONOMY.strip().splitlines())
_LARGE = frozenset(("cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ME", "stat.ML"))
_CODES = {code.casefold(): code for code in NAMES}


def canonical_category(text: str) -> str:
    """Return the category as arXiv writes it, "" for an unknown one.

    >>> canonical_category("CS.cl"), canonical_category("cs.XY")
    ('cs.CL', '')
    """
    return _CODES.get(text.strip().casefold(), "")


def nearest_categories(text: str, most: int = 3) -> list[str]:
    """Suggest categories for other text: similar codes, matching names, or the same archive.

    >>> nearest_categories("cs.CLL")[0], nearest_categories("robotics")
    ('cs.CL', ['cs.RO'])
    """
    wanted = text.strip().casefold()
    codes = [_CODES[code] for code in get_close_matches(wanted, _CODES, most, 0.75)]
    if "." in wanted:
        return codes or _largest(wanted.partition(".")[0])[:most]
    named = [code for code, name in NAMES.items() if _says(name, wanted)]
    return list(dict.fromkeys([*codes, *named]))[:most]


def _says(name: str, word: str) -> bool:
    return len(word) > 3 and f" {word}" in f" {name.casefold()}"


def _largest(archive: str) -> list[str]:
    """Return the categories of an archive, largest first."""
    own = [code for code in NAMES if code.startswith(f"{archive}.")]
    return sorted(own, key=lambda code: code not in _LARGE)
