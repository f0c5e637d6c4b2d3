"""Words that say nothing about a subject when they stand alone. Pure.

Unlike stop words they are terms, since "long context" is a subject and "long" is not.
`subscriptions.matching.typed_terms` does not count a typed filler word as a reason.
"""

FILLER_WORDS = frozenset(
    """
    am i me my myself he she him his her hers us our ours them you your should could would must
    instead specifically incorporate ability able absence academic accelerate access accordingly
    account accuracy accurate accurately achieve achieved achieves achieving across act actual
    actually adapt add added adding addition additional additionally address addresses
    addressing adopt advance advanced advances advantage advantages affect after again against
    aim aims all allow allowing allows alone along already although always among analysis
    analyze analyzed analyzing another any apart appear application applications applied applies
    apply applying approach approaches appropriate area areas argue around aspect aspects assess
    assessment associated assume attain author authors automatic automatically available average
    avoid away back background balance base based baseline baselines basic basis become becomes
    becoming before begin behavior behaviors behind being benchmark benchmarks benefit benefits
    best better beyond big both bridge bring brings broad broader build building builds built
    call called capabilities capability capable capture captures careful case cases cause caused
    causes central certain challenge challenges challenging change changes characteristics
    choice choose chosen clear clearly close closely code collect collected collection
    combination combine combined combines combining come comes common commonly community compare
    compared comparing comparison competitive complete completely complex complexity component
    components comprehensive compute computed concept concepts concern concerns conclude
    condition conditions conduct conducted confirm consider considered considering consist
    consistent consistently consists constant construct constructed contain containing contains
    content context contexts contribute contribution contributions control conventional core
    correct correctly correspond corresponding cost costs could cover coverage create created
    creates creating critical crucial current currently data dataset datasets day days deal
    dedicated deep define defined degree deliver demand demonstrate demonstrated demonstrates
    demonstrating depend dependent depends derive derived describe described describes
    description design designed designing designs desired despite detail detailed details
    determine develop developed developing development develops did differ difference
    differences different difficult difficulty direct direction directions directly discuss
    discussed diverse do does doing done down drive driven drives due during each early easily
    easy effect effective effectively effectiveness effects efficiency efficient efficiently
    effort efforts either element elements else emerge emerged emerging emphasis employ employed
    employing enable enabled enables enabling end enhance enhanced enhances enhancing enough
    ensure ensures ensuring entire environment environments especially essential establish
    established estimate etc evaluate evaluated evaluating evaluation evaluations even every
    evidence examine example examples excellent exhibit exist existing expand expected expensive
    experiment experimental experiments explain explicit explicitly exploit explore explored
    explores exploring extend extended extends extensive extra extract extremely face fact
    factor factors fail fails failure far fast faster feature features few field fields final
    finally find finding findings finds fine first fit five fixed flexible focus focused focuses
    focusing follow followed following follows form formal forms found foundation four framework
    frameworks free frequently full fully function functions fundamental further furthermore
    future gain gains gap gaps general generally generate generated generates generating get
    give given gives giving go goal goals going good great greater group groups grow growing
    growth guide guided had half handle hard having help helps hence here high higher highest
    highlight highlights highly hold holds holistic human humans hundred idea ideal ideas
    identified identifies identify identifying if illustrate impact implement implementation
    implementations implications implicit important improve improved improvement improvements
    improves improving include included includes including increase increased increases
    increasing increasingly independent indicate indicates individual inform information
    inherent initial input inputs insight insights inspired instance instances instead integrate
    integrated integrates integrating integration interest interesting introduce introduced
    introduces introducing investigate investigated investigates involve involves involving
    issue issues itself job joint jointly just keep key kind kinds know knowledge known lack
    large largely larger largest last late later lead leading leads learn learned learning
    learns learnt least leave led left less let level levels leverage leverages leveraging life
    light like likely limit limitation limitations limited limiting limits line lines little
    local long longer look low lower made main mainly maintain maintaining maintains major
    majority make makes making manner many match may mean meaning meaningful means measure
    measured measures mechanism mechanisms meet method methodology methods metric metrics might
    mind minimal mode model modeling modelling models modern module modules moreover much
    multiple must name namely natural nature near nearly necessary need needed needs network
    networks never nevertheless new next no non none nor notable notably note nothing notion
    novel now number numbers numerous object objective objectives observation observe observed
    obtain obtained obtaining occur off offer offering offers often old once one ones only onto
    open operate operation operations opportunities optimal option options order original other
    others otherwise out outcome outcomes outperform outperforming outperforms output outputs
    over overall overcome own paper papers paradigm parameter parameters part particular
    particularly parts past pattern patterns people per perform performance performed performing
    performs perhaps person perspective phase phenomenon place plan play point points poor
    popular pose position possible potential potentially power powerful practical practice
    practices precise predict predicted prediction predictions prevent previous previously
    primarily primary principle principled principles prior problem problems procedure process
    processed processes processing produce produced produces producing project promise promising
    properties property propose proposed proposes proposing prove proven provide provided
    provides providing public publicly purpose push put quality quantify quantitative question
    questions quick quickly quite raise range ranging rapid rapidly rarely rate rates rather
    reach reached real realistic really reason reasonable receive received recent recently
    recognize reduce reduced reduces reducing reduction refer refine regarding related relation
    relationship relationships relative relatively release released relevance relevant reliable
    reliably rely relying remain remaining remains remarkable report reported reports represent
    representation representations represented represents require required requirement
    requirements requires requiring research researcher researchers resource resources respect
    respectively response responses rest result resulting results return reveal reveals review
    rich right rise robust role round run running same sample samples satisfy say scale scales
    scaling scenario scenarios scheme scope score scores second see seek seen select selected
    selecting selection sense sensitive separate series serve serves set sets setting settings
    setup several shape share shared short should show showed showing shown shows side sign
    significance significant significantly similar similarly simple simpler simply
    simultaneously since single situation six size sizes small smaller so solely solid solution
    solutions solve solved solving some something sometimes sophisticated source space spaces
    span special specific specifically speed stage stages standard start state stated states
    static step steps still strategies strategy strength strengths strict strong stronger
    strongly structure structured structures studied studies study studying style subject
    subsequent substantial substantially success successful successfully suffer suffers
    sufficient suggest suggesting suggests suitable summary superior support supported
    supporting supports sure survey system systematic systematically systems tackle take taken
    takes taking target targeted targets task tasks technical technique techniques technologies
    technology tend term terms test tested testing tests theory thing things think third
    thorough thousands three throughout time times today together too took tool tools top total
    toward towards traditional train trained training treat trend trends true try turn turning
    turns two type types typical typically ultimately understand understanding unified unique
    unlike unseen until update upon use used useful user users uses using usually utilize
    utilized utilizes utilizing valid validate validated valuable value values variety various
    vary varying version versus very view views vital vs want wants way ways weak well whether
    whole wide widely wider widespread word words work worked working works world worse worst
    worth write written year years yet yield yields
    """.split()
)
